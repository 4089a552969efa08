"""The rules for commands that a system's configuration gives. Pure."""

from sswd.config.keys import SystemConfig
from sswd.ioc.commands.ledger import Policy
from sswd.pipe.motor import command_names


def policy_of(config: SystemConfig) -> Policy:
    """What holds for the commands of a system."""
    command, pvs = config.command, config.pvs
    return Policy(
        queue=command.queue,
        timeout_s=command.timeout_s,
        on_restart=command.on_restart,
        on_down=command.on_down,
        abort_s=command.abort_s,
        latest=frozenset(n for n, pv in pvs.items() if pv.pending == "latest"),
        timeouts_s={
            n: pv.timeout_s for n, pv in pvs.items() if pv.timeout_s is not None
        }
        | {
            command: motor.timeout_s
            for name, motor in config.motors.items()
            if motor.timeout_s is not None
            for command in command_names(name)
        },
    )
