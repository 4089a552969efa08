"""The motors of one system: served, and what the worker is told of them.

Threading model: the loop's own.
"""

from collections.abc import Mapping

from sswd.config.keys import MotorConfig
from sswd.ioc.commands.dispatcher import CommandDispatcher
from sswd.ioc.motor.motor import Motor
from sswd.ioc.pvs.publisher import Publisher
from sswd.ioc.system.template_api import TemplateApi
from sswd.pipe.worker_spec import MotorSpec


def add_motors(
    motors: Mapping[str, MotorConfig],
    publisher: Publisher,
    dispatcher: CommandDispatcher,
    template: TemplateApi,
) -> None:
    """Serve objects of the system as motor records."""
    for name, config in motors.items():
        motor = Motor(name, config, template.prefix, dispatcher)
        publisher.add(name, motor.fed, is_fed=True)
        template.add_pvs({template.prefix + name: motor.channel})


def motor_specs(motors: Mapping[str, MotorConfig]) -> dict[str, MotorSpec]:
    """What the worker needs to know of them."""
    return {
        name: MotorSpec(m.object, m.poll_s, m.idle_poll_s, m.poll_beside)
        for name, m in motors.items()
    }
