"""A disk beyond 2 TiB: the state partition ends where 32-bit sector numbers don't reach."""


def test_large_disk(disk, machine):
    made = disk(size="3T")
    start, length = made.partition("proa-state")
    assert start + length > 2 << 40
    one = machine(made)
    one.wait_boot("root verified: slot a")
    one.wait_for("state mounted")
