"""What a machine tells of its boots: those that were reset, never reached init, and ran."""

import json

import pytest


def history(one):
    return json.loads(one.check("sudo proa history --json -n 0"))


@pytest.mark.full # test_faults.py sees each class, too
def test_history_after_reset(disk, machine):
    one = machine(disk())
    one.wait_boot("health gate passed")
    one.power_cut()
    one.start()
    one.wait_for("Proa: slot a at ")   # GRUB has counted the attempt, and loads the kernel
    one.power_cut()
    one.start()
    one.wait_boot("System Docker answers")
    one.power_cut()
    one.start()
    one.wait_boot("health gate passed")
    one.wait_shell()

    told = history(one)
    boots = told["boots"]
    assert [(boot["class"], boot.get("boot"), boot.get("stage")) for boot in boots] == [
        ("running", 3, "gate"), ("reset", 2, "state"), ("unseen", None, None), ("reset", 1, "gate")]
    assert boots[1]["text"].startswith("reset, last heartbeat at 20")
    assert boots[1]["text"].endswith(" s after its start, with the state mounted")
    assert boots[1]["lines"] and boots[3]["lines"]
    assert boots[2]["text"] == "never reached init (kernel or initramfs)"
    assert (boots[2]["slot"], boots[2]["at_least"]) == ("a", 1)
    assert boots[3]["text"].endswith(" with the health gate passed")
    assert told["errors"] == [] and told["damaged_lines"] == 0

    # A person needs no root for it.
    said = one.check("proa history --lines 2").split("\n")
    assert said[0].startswith("Boot 3  20") and "slot a, version " in said[0]
    assert said[1] == "    running, with the health gate passed"
    assert said[2].startswith("Boot 2  20")
    assert said[3] == "    " + boots[1]["text"]
    assert [line.startswith("        ") for line in said[4:7]] == [True, True, False]

    # Before PID 1 has moved them into its file, root sees the same boots in the ring.
    one.check("sudo mv /var/lib/proa/history /tmp/moved")
    again = history(one)["boots"]
    assert again[1:] == boots[1:]
    assert "sudo proa history" in one.check("proa history")


def test_history_of_the_first_boot(booted):
    said = booted.check("proa history")
    assert "    running, with the health gate passed" in said
    assert "There are no former boots yet" in said
    boots = json.loads(booted.check("sudo proa history --json"))["boots"]
    assert [(boot["class"], boot["boot"], boot["slot"]) for boot in boots] == [("running", 1, "a")]
