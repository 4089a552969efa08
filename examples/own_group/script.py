"""The same without the daemon: caproto's own run(), for scripts that exist already.

python script.py --prefix LAB: --list-pvs
"""

from caproto.server import ioc_arg_parser, run
from stage_ioc import StageIOC

if __name__ == "__main__":
    ioc_options, run_options = ioc_arg_parser(
        default_prefix="LAB:", desc="A stage behind sswd"
    )
    ioc = StageIOC(**ioc_options)
    ioc.seq.system = "stage:Stage"
    run(ioc.pvdb, **run_options)
