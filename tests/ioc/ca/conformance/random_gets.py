"""Random gets by libca, from EPICS base and from us in one process: what differs.

    python tests/ioc/ca/conformance/random_gets.py --seed 20 --gets 20000

Records of every type that sswd serves, their fields, `NAME$`, every DBR type that a
client of libca can ask for, plain, with time and with control information, and counts
from 0 to beyond the PV's own. The environment is the one of `environment()`.
"""

import argparse
import asyncio
import contextlib
import itertools
import random
import sys
from pathlib import Path

import aioca

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import ca_raw as ca  # noqa: E402
from test_fields import PVS, RECORDS, is_text, names, post_to_ours, put_to_base  # noqa: E402

from sswd.ioc.ca import Context  # noqa: E402
from sswd.ioc.pvs.declared import declare  # noqa: E402
from sswd.testing import loopback_env  # noqa: E402

FORMATS = {"": 0, "TIME_": aioca.FORMAT_TIME, "CTRL_": aioca.FORMAT_CTRL}
TYPES = {
    "STRING": aioca.DBR_STRING,
    "SHORT": aioca.DBR_SHORT,
    "FLOAT": aioca.DBR_FLOAT,
    "ENUM": aioca.DBR_ENUM,
    "CHAR": aioca.DBR_CHAR,
    "LONG": aioca.DBR_LONG,
    "DOUBLE": aioca.DBR_DOUBLE,
    "NATIVE": None,
    "CHAR_STR": aioca.DBR_CHAR_STR,
}
COUNTS = (0, 1, 2, 3, 5, 6, 60)
SHOWN = (
    *("severity", "status", "units", "precision", "enums"),
    *("upper_disp_limit", "lower_disp_limit", "upper_ctrl_limit", "lower_ctrl_limit"),
)
WAIT_S = 20.0
TOGETHER = 20


def environment(base_port: int, port: int) -> dict[str, str]:
    """Where libca looks for both, and where we serve."""
    addresses = f"127.0.0.1:{base_port} 127.0.0.1:{port}"
    return {**loopback_env(port), "EPICS_CA_ADDR_LIST": addresses}


def shown(value, with_ranges: bool) -> str:
    """What a client sees of a value but its time; of a field, without its ranges."""
    if not value.ok:
        return f"error {value.errorcode}"
    plain = value.tolist() if hasattr(value, "tolist") else str(value)
    size = getattr(value, "element_count", None)
    wanted = SHOWN if with_ranges else SHOWN[:2]
    more = {name: getattr(value, name) for name in wanted if hasattr(value, name)}
    return repr((plain, size, getattr(value, "datatype", None), more))


async def ask(pv: str, datatype, form: int, count: int) -> str:
    """The get of one PV, as text."""
    value = await aioca.caget(
        pv, datatype=datatype, format=form, count=count, timeout=WAIT_S, throw=False
    )
    return shown(value, pv.endswith(".VAL"))


def cases(chance: random.Random, gets: int):
    """(case, name, type, format, count), different ones."""
    served = [name for name in names() if not name.endswith((".SSCN", ".BKPT"))]
    done = set()
    while len(done) < gets:
        name = chance.choice(served)
        if chance.random() < 0.4:  # the values themselves, more often than fields
            name = f"{chance.choice(list(RECORDS))}.VAL"
        kind = chance.choice(list(TYPES))
        form, count = chance.choice(list(FORMATS)), chance.choice(COUNTS)
        if kind == "ENUM" and is_text(name):
            continue  # reading a text as ENUM changes the record in EPICS base
        ending = "$" if is_text(name) and chance.random() < 0.3 else ""
        case = f"random/{name}{ending}/{form}{kind}/{count}"
        if case not in done:
            done.add(case)
            yield case, name + ending, TYPES[kind], FORMATS[form], count


def portions(found):
    """Lists of TOGETHER elements."""
    while some := list(itertools.islice(found, TOGETHER)):
        yield some


async def nowhere(name, value):
    raise AssertionError("nothing is put here")


async def compare(base_port: int, seed: int, gets: int) -> dict[str, tuple[str, str]]:
    """What is answered differently: by base, by us."""
    channels = declare(PVS, prefix="Y:", forward=nowhere)
    context = Context({data.pvname: data for data in channels.values()})
    task = asyncio.create_task(context.run())
    base = ca.RawClient()
    await base.connect(base_port)
    for name in PVS:
        await put_to_base(base, name)
    base.close()
    post_to_ours(channels)
    different = {}
    for some in portions(cases(random.Random(seed), gets)):
        asked = [
            ask(f"{prefix}:{name}", *how) for _, name, *how in some for prefix in "XY"
        ]
        told = await asyncio.gather(*asked)
        for (case, *_), theirs, own in zip(some, told[::2], told[1::2], strict=True):
            if theirs != own:
                different[case] = (theirs, own)
    aioca.purge_channel_caches()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return different


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--gets", type=int, default=20_000)
    parser.add_argument("--base-port", type=int, required=True)
    args = parser.parse_args()
    different = asyncio.run(compare(args.base_port, args.seed, args.gets))
    for case, (theirs, own) in different.items():
        sys.stdout.write(f"{case}\t{theirs}\t{own}\n")
    sys.stdout.write(f"seed {args.seed}: {args.gets} gets compared\n")


if __name__ == "__main__":
    main()
