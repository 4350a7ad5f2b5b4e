"""Parts of the studio's page that need no server: what is measured and said on the page itself."""

import numpy as np
import pytest

from studio.paged import Visit, photograph


@pytest.fixture(scope="module")
def page(chromium, address):
    """A page, whose modules are asked."""
    with Visit(chromium, address) as made:
        yield made


def of(visit, module, expression, given=None):
    """What an expression of a module of the page gives; `own` is the module."""
    return visit.page.evaluate(
        f"async (given) => {{ const own = await import('/page/{module}'); {expression} }}", given
    )


def test_compiling_is_told_by_the_clock(visit):
    visit.page.clock.install()
    item = {"id": "1", "task": "denoise", "state": "running", "step": 0, "seconds_left": None}

    def told(after=0, **changes):
        visit.page.clock.fast_forward(after)
        return of(visit, "compiling.js", "return own.compilingOf(given);", item | changes)

    assert told()["words"] == "begins"
    first, second = told(3_000), told(10_000)
    assert first["words"] == "compiled the first time, about 27 s left"
    assert 0 < first["part"] < second["part"] < 1
    long = told(300_000)
    assert (long["words"], long["part"] < 1) == ("compiled the first time, a little longer", True)
    assert told(step=1) is None
    # The next time it is known how long that took.
    assert told()["words"] == "begins"
    assert told(13_000)["words"] == "compiled the first time, about 5 min left"


def test_compiling_is_each_session_s_own(visit):
    """Items are numbered anew in each session; and what was not looked at has told no time."""
    visit.page.clock.install()
    item = {"id": "1", "task": "denoise", "state": "running", "step": 0, "seconds_left": None}
    set_session = "(await import('/page/studio.js')).store.set({ session: { id: given[0] } });"

    def told(session, after=0, **changes):
        visit.page.clock.fast_forward(after)
        expression = f"{set_session} return own.compilingOf(given[1]);"
        return of(visit, "compiling.js", expression, [session, item | changes])

    assert told("one")["words"] == "begins"
    assert told("one", 60_000)["words"] != "begins"
    assert told("two")["words"] == "begins"
    assert told("two", 6_000)["words"] == "compiled the first time, about 24 s left"
    # Back at the first much later: it was done meanwhile.
    assert told("one", 600_000, step=1) is None
    assert told("three")["words"] == "begins"
    assert told("three", 6_000)["words"] == "compiled the first time, about 24 s left"


def test_distance_is_that_of_pixels(page):
    one, other = np.random.default_rng(0).integers(0, 255, (2, 5, 4), np.uint8)
    error = np.mean(np.square(one[:, :3].astype(float) - other[:, :3]))
    found = of(page, "distance.js", "return own.psnrOf(...given);", [one.ravel().tolist(), other.ravel().tolist()])
    assert found == pytest.approx(10 * np.log10(255**2 / error), abs=1e-9)
    same = one.ravel().tolist()
    assert of(page, "distance.js", "return own.psnrOf(...given);", [same, same]) is None


@pytest.mark.parametrize("size", [0.02, 0.3])
def test_a_dab_is_missing_however_narrow(page, size):
    stroke = {"erase": False, "size": size, "points": [[0.5, 0.5]]}
    assert of(page, "masks.js", "return (await own.maskFile([given], 8, 8))?.type;", stroke) == "image/png"
    # What is erased along the same way is not missing.
    erased = [stroke, stroke | {"erase": True}]
    assert of(page, "masks.js", "return await own.maskFile(given, 8, 8);", erased) is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_sizes_are_read_from_the_heads_of_files(page, kind):
    limits = {"megabytes": 1, "megapixels": 1, "side": 8, "aspect": 10}
    check = """
        const file = new File([new Uint8Array(given[0])], "face", { type: given[1] });
        return own.checkPicture(file, given[2]).then(() => "", (error) => error.message);"""

    def said(content, type_="", **changes):
        return of(page, "checking.js", check, [list(content), type_, limits | changes])

    assert said(photograph(size=(40, 30), kind=kind)) == ""
    assert said(photograph(size=(40, 30), kind=kind), megapixels=0.001).startswith(
        "face has 40 \u00d7 30 pixels, too many"
    )
    assert said(photograph(size=(40, 7), kind=kind)).startswith("face has 40 \u00d7 7 pixels: ")
    assert said(photograph(size=(101, 10), kind=kind)).startswith("face has 101 \u00d7 10 pixels, too long")
    # Of a head that does not say it the server is asked.
    assert said(photograph(kind="JPEG")[:20]) == ""
    assert said(b"", "").startswith("face is empty")


@pytest.mark.parametrize(("taken", "told"), [(0, "0 kB"), (130, "1 kB"), (99_999, "100 kB"), (149_999, "0.1 MB")])
def test_sizes_that_are_small(page, taken, told):
    assert of(page, "dom.js", "return own.inBytes(given);", taken) == told
