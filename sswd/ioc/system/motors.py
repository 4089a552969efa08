"""The motors of one system: served, kept, and what the worker is told of them.

Threading model: the loop's own.
"""

import functools
import logging
from collections.abc import Iterable, Mapping

from sswd.config.keys import MotorConfig
from sswd.ioc.commands.dispatcher import CommandDispatcher
from sswd.ioc.motor.kept import FIELDS
from sswd.ioc.motor.motor import Motor
from sswd.ioc.pvs.publisher import Publisher
from sswd.ioc.system.state_saver import StateSaver
from sswd.ioc.system.template_api import TemplateApi
from sswd.pipe.worker_spec import MotorSpec

log = logging.getLogger("sswd.ioc")


def add_motors(
    motors: Mapping[str, MotorConfig],
    publisher: Publisher,
    dispatcher: CommandDispatcher,
    template: TemplateApi,
) -> list[Motor]:
    """Serve objects of the system as motor records."""
    served = []
    for name, config in motors.items():
        motor = Motor(name, config, template.prefix, dispatcher)
        publisher.add(name, motor.fed, is_fed=True)
        template.add_pvs({template.prefix + name: motor.channel})
        served.append(motor)
    return served


def keep_motors(motors: Iterable[Motor], saver: StateSaver) -> None:
    """What clients set of them is as it was saved, and is saved from now on."""
    for motor in motors:
        kept = motor.kept
        if kept is None:
            continue
        files = {field: saver.found(f"{motor.name}.{field}") for field in FIELDS}
        found = {field: saved.value for field, saved in files.items() if saved}
        back, left = kept.restore(found)
        if back:
            words = "system '%s': motor %s: as clients had set it: %s"
            values = (f"{f} {getattr(motor.record.fields, f):g}" for f in back)
            log.info(words, saver.system, motor.name, ", ".join(values))
        if left:
            words = "system '%s': motor %s: not as clients had set it, because the "
            words += "configuration has changed since: %s"
            log.warning(words, saver.system, motor.name, ", ".join(left))
        motor.channel.show()
        for field in FIELDS:
            current = functools.partial(kept.value, field)
            saver.follow(f"{motor.name}.{field}", current)


def motor_specs(motors: Mapping[str, MotorConfig]) -> dict[str, MotorSpec]:
    """What the worker needs to know of them."""
    return {
        name: MotorSpec(m.object, m.poll_s, m.idle_poll_s, m.poll_beside)
        for name, m in motors.items()
    }
