"""Ask a throwaway worker what a system's class declares, without constructing it."""

import os
import select
import time
from pathlib import Path

from sswd.config.keys import SystemConfig
from sswd.errors import LoadError, PipeClosed
from sswd.ioc.process.exit_words import exit_words, failed_words
from sswd.ioc.process.pv_names import names_of, wrapped_pvs
from sswd.ioc.system.motors import motor_specs
from sswd.ioc.system.worker_spec import surroundings
from sswd.pipe.codec import MessageDecoder
from sswd.pipe.framing import FrameReader
from sswd.pipe.launch import WorkerProcess, launch
from sswd.pipe.protocol import Failed, Loaded, Up
from sswd.pipe.worker_spec import WorkerSpec

LIMIT_S = 60.0


def inspect(
    config: SystemConfig,
    folder: Path,
    *,
    name: str = "check",
    limit_s: float = LIMIT_S,
    outline: bool = False,
) -> Loaded:
    """Import `config.target` in a worker process and return what it declares.

    The class is not constructed, so no hardware is touched. Blocks for as long as the
    import takes. Raises LoadError in words when it fails or takes over `limit_s`.
    `outline`: report what its source says, whatever `args` are.
    """
    spec = WorkerSpec(
        name=name,
        target=config.target,
        args=dict(config.args),
        folder=str(folder),
        inspect=not outline,
        outline=outline,
        pvs=names_of(config.pvs),
        surroundings=surroundings(config, folder),
        wrapped=wrapped_pvs(config),
        ping=config.ping,
        motors=motor_specs(config.motors),
    )
    try:
        process = launch(spec)
    except OSError as ex:
        raise LoadError(f"no worker can be started: {ex}") from ex
    try:
        return _listen(process, limit_s)
    finally:
        process.kill_group()
        process.process.join()
        process.close()


def _listen(process: WorkerProcess, limit_s: float) -> Loaded:
    reader: FrameReader[Up] = FrameReader(process.up, MessageDecoder(Up))
    output = bytearray()
    until_s = time.monotonic() + limit_s
    while (left_s := until_s - time.monotonic()) > 0:
        ready, _, _ = select.select([process.up, process.stdio], [], [], left_s)
        if process.stdio in ready:
            output += os.read(process.stdio, 65536)
        if process.up not in ready:
            continue
        try:
            messages = reader.read()
        except PipeClosed:
            process.process.join(1.0)
            words = exit_words(process.process.exitcode)
            text = output.decode(errors="replace").strip()
            raise LoadError(f"the worker {words}\n{text}".strip()) from None
        for message in messages:
            if isinstance(message, Loaded):
                return message
            if isinstance(message, Failed):
                text = message.failure.traceback
                raise LoadError(f"{failed_words(message)}\n{text}".strip())
    raise LoadError(f"the import is not done after {limit_s:g} s")
