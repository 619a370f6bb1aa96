"""Runs one service: `python -m services incidents`."""

import gc
import warnings

gc.disable()  # until everything is loaded: memory.started
warnings.filterwarnings("ignore", message="\\s*Eventlet is deprecated")  # known: docs/decisions/0001-nameko.md
import eventlet  # noqa: E402 - the patch must come before every other import

eventlet.monkey_patch()

import importlib  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from types import FrameType  # noqa: E402

from nameko.runners import ServiceRunner  # noqa: E402

from safekeep import bus, database, green, memory, rpc, settings, telemetry  # noqa: E402
from safekeep.keys import Keys  # noqa: E402


def main(name: str) -> None:
    """Host the service until SIGTERM, then let the calls under way end."""
    telemetry.start_logging(name)
    green.use()
    chosen = settings.service_settings(name)
    bus.use_keys(Keys.load(chosen.keys_file))
    module = importlib.import_module(f"services.{name}.service")  # by name: nobody imports a service module
    if hasattr(module.Service, "streams"):
        memory.keep_freed()
    runner = ServiceRunner(config=bus.nameko_config(broker_url=chosen.broker_url))
    runner.add_service(module.Service)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        eventlet.spawn_n(runner.stop)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    runner.start()
    memory.started()
    probe = database.engine(chosen.database_url, size=1)
    (container,) = runner.containers

    def ready() -> dict[str, bool]:
        return {"database": database.answers(probe), "broker": rpc.is_reached(container)}

    telemetry.serve_inner(host=chosen.inner_host, port=chosen.inner_port, ready=ready)
    runner.wait()


if __name__ == "__main__":
    main(sys.argv[1])
