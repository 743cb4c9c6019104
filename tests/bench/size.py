"""What a release weighs: the bundle that is downloaded, the image that is written."""

import rows

MB = 1000 * 1000


def main():
    table = rows.Table("size")
    release = rows.ROOT / "build/release"
    bundles = list(release.glob("*.bundle"))
    assert len(bundles) == 1, f"one bundle is expected in {release}"
    table.add("bundle", round(bundles[0].stat().st_size / MB, 1), "MB", 150)
    table.add("slot image", round((release / "slot.img").stat().st_size / MB, 1), "MB", 600)
    table.end()


main()
