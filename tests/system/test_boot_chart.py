"""The chart of a boot, on a machine that is up."""

import json
import xml.etree.ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def chart(booted):
    return json.loads(booted.check("proa boot-chart --json"))


def test_boot_chart(booted):
    said = chart(booted)
    bars = {bar["name"]: bar for bar in said["bars"]}
    path = [said["bars"][i]["name"] for i in said["path"]]
    assert path[0] == "kernel" and path[-1] == "health gate"
    assert path.index("System Docker answers") < path.index("docker") < path.index("user Docker answers")
    assert bars["health gate"]["end"] == said["gate"] == said["end"] > 0
    for name in "docker", "udev", "network", "console":
        bar = bars[name]
        assert 0 < bar["start"] < bar["start_container"] < bar["end"] < said["gate"], name
    for before, after in zip(said["path"], said["path"][1:]):
        assert said["bars"][before]["end"] <= said["bars"][after]["start"]

    text = booted.check("proa boot-chart -o /tmp/chart.svg")
    assert f"the health gate passed {said['gate'] / 1000:.2f} s after" in text
    assert "initramfs verifies the root" in text and "service docker (created in " in text
    picture = xml.etree.ElementTree.fromstring(booted.check("cat /tmp/chart.svg"))
    names = [text.text for text in picture.iter(SVG + "text") if text.get("class") == "name"]
    assert len(names) == len(said["bars"]) and "service docker" in names
    assert all(name.endswith(bar["name"]) for name, bar in zip(names, said["bars"]))
    assert booted.check("proa boot-chart | cmp - /tmp/chart.svg && echo same") == "same"

    # The next service manager goes on from what this one had noted.
    booted.check("sudo pkill -KILL -x proa-services")
    booted.wait_true("grep -q ^service.docker=running /run/proa/status && "
                     "test /run/proa/status -nt /tmp/chart.svg")
    assert chart(booted) == said
