"""A service of a person's own: its health check, what waits for it, and one that is wrong."""

CONFIG = """\
bootcmd: [mkdir -p /run/probe, touch /run/probe/ok]
proa:
  services:
    late:
      image: proa/os
      command: [sleep, "99999"]
      depends_on: [probe]
    probe:
      image: proa/os
      command: [sleep, "99999"]
      volumes: [/run/probe:/probe]
      required: true
      healthcheck: {test: [CMD, test, -e, /probe/ok], interval: 2s, retries: 2}
    cannot:
      image: proa/os
      command: [/no/such/program]
    nowhere:
      image: registry.invalid/nothing:1
    wrong:
      imag: proa/os
"""


def test_own_services(disk, machine):
    one = machine(disk(config=CONFIG))
    # `late` has to wait until the first check has passed.
    one.wait_boot("service probe runs", unless=None)
    one.wait_for("service late runs", unless=None)
    one.wait_for("health gate passed", unless=None)
    one.wait_shell()
    listed = one.check("proa service list")
    assert "wrong" not in listed
    said = one.check("sudo proa status || true")
    assert 'wrong is left out: unknown key "imag" in service wrong' in " ".join(said.split()), said
    one.wait_true("sudo proa status | grep cannot | grep -q /no/such/program")
    # No registry, no image: that delays nobody, and says so.
    one.wait_true("proa service list | grep nowhere | grep -q 'pull\\|down'")

    one.check("sudo rm /run/probe/ok")
    one.wait_for("error: service probe: its health check fails", 120)
    one.check("sudo touch /run/probe/ok")
    one.wait_true("proa service list | grep -q '^probe *running *[1-9]'")
    one.wait_true("system-docker ps --format '{{.Names}} {{.Status}}' | grep -q 'probe.*(healthy)'")
