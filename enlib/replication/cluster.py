"""Units of work on a Ray cluster, by default one of its own on this machine.

A cluster is started with Ray's own tools (``ray start``). On each of its machines ``import enlib`` must find this
version of the package, with the same torch: only units and rows travel. ``ENLIB_DATA`` is handed on to them: if it is
set, the real images must lie there on every machine; if not, each machine goes by its own.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from enlib.replication.journal import Runs
from enlib.replication.runs import Made, Work, compute, make

RETRIES = 3
# A small network leaves most of a GPU idle.
_GPU = 0.25
# Anyone who reaches a port of Ray's can run code. It keeps to the loopback address only where it takes clusters to be
# unsupported, and reads that when it is imported.
_ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}


def run_ray(
    units: Iterable[Runs],
    *,
    address: str | None = None,
    device: str = "cpu",
    work: Work = compute,
) -> Generator[Made, None, None]:
    """Yield units as they finish; each is taken from ``units`` only when the cluster is free for it.

    The rows are those of workers on this machine: a unit has one CPU and one thread, wherever it is computed. If its
    worker dies, it is computed again, three times at most.

    Parameters
    ----------
    units : iterable of tuple of Description
    address : str, optional
        Of a running cluster, such as ``"auto"`` or ``"10.0.0.1:6379"``. By default Ray is used as it is where it is
        initialized already, and otherwise started on this machine, on the loopback address alone, and stopped in the
        end.
    device : str
        With ``"cuda"`` each unit has a quarter of a GPU, whichever Ray chooses; ``"auto"`` is ``"cuda"`` if the
        cluster has GPUs, and otherwise ``"cpu"``.
    work : callable
        Makes the rows of a unit. What it raises is raised here, and not tried again.

    Raises
    ------
    RuntimeError
        If Ray is not installed, or connected elsewhere, the cluster lacks the device, or a unit's workers die again
        and again; what was yielded before is done.
    ValueError
        If nothing answers at ``address``.
    """
    ray = _import(alone=address is None)
    with _connected(ray, address):
        device = device.partition(":")[0]
        if device == "auto":
            device = "cuda" if ray.cluster_resources().get("GPU") else "cpu"
        needs = {"CPU": 1.0, "GPU": _GPU} if device == "cuda" else {"CPU": 1.0}
        if not _room(ray, needs):
            raise RuntimeError(
                f"expected a cluster with {' and '.join(needs)} for device {device!r}, got "
                f"{ray.cluster_resources()}: add such a machine, or pass another --device"
            )
        task = ray.remote(
            num_cpus=1,
            num_gpus=needs.get("GPU", 0),
            max_retries=RETRIES,
            runtime_env={"env_vars": _environment()},
        )(make)
        waiting = iter(units)
        running: dict[Any, Runs] = {}
        try:
            while True:
                # With no room at all for a moment, one unit waits in Ray's own queue.
                while len(running) < max(1, _room(ray, needs)) and (unit := next(waiting, None)) is not None:
                    running[task.remote(unit, device=device, work=work)] = unit
                if not running:
                    return
                done, _ = ray.wait(list(running))
                for reference in done:
                    del running[reference]
                    yield ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except ray.exceptions.RayError as error:
            raise RuntimeError(
                f"expected every unit to be done within {RETRIES} retries, got {type(error).__name__}, perhaps for "
                "lack of memory: look at the cluster's machines, and start again"
            ) from error
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _environment() -> dict[str, str]:
    """Return what must be set in every worker, before it imports torch."""
    data = os.environ.get("ENLIB_DATA")
    return {"OMP_NUM_THREADS": "1"} | ({"ENLIB_DATA": str(Path(data).expanduser().absolute())} if data else {})


def _room(ray: Any, needs: dict[str, float]) -> int:
    """Return how many units the cluster computes at a time; it may grow and shrink."""
    have = ray.cluster_resources()
    return min(int(have.get(name, 0) / each) for name, each in needs.items())


def _import(*, alone: bool) -> Any:
    if alone:
        os.environ.update(_ALONE)
    try:
        import ray
    except ModuleNotFoundError as error:
        raise RuntimeError("expected the extra 'cluster', got none: pip install 'enlib[cluster]'") from error
    return ray


@contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[None]:
    """Connect to a cluster, starting one where no address is given; afterwards undo what was done here."""
    if address is not None:
        _reach(address)
        if ray.is_initialized():
            raise RuntimeError(
                f"expected to connect to {address}, got a connection that was there: call ray.shutdown(), or leave "
                "out the address to use it"
            )
    elif ray.is_initialized():
        yield
        return
    with ExitStack() as stack:
        how: dict[str, Any] = {"address": address}
        if address is None:
            # The paths of Ray's sockets must be short, and a folder of one's own for temporary files may be deep.
            parent = "/tmp" if Path("/tmp").is_dir() else None
            folder = tempfile.TemporaryDirectory(prefix="enlib-", dir=parent, ignore_cleanup_errors=True)
            how = {"address": "local", "_temp_dir": stack.enter_context(folder), "include_dashboard": False}
            how["object_store_memory"] = 100 * 2**20  # rows are small
        stack.callback(ray.shutdown)
        here = ray.init(**how, log_to_driver=False, logging_level=logging.ERROR)
        if address is None and not ipaddress.ip_address(here.address_info["node_ip_address"]).is_loopback:
            raise RuntimeError(
                "expected Ray to listen on the loopback address alone, got one that was imported before and listens "
                "everywhere: import it later, or call ray.init() and mind the firewall"
            )
        yield


def _reach(address: str) -> None:
    """Raise an error where nothing answers: Ray itself would try for minutes."""
    place = urlsplit(address if "//" in address else f"//{address}")
    try:
        port = place.port
    except ValueError:
        raise ValueError(
            f"expected an address such as 'auto' or HOST:PORT, got {address!r}: check --address"
        ) from None
    if port is None:
        return
    try:
        socket.create_connection((place.hostname or "", port), timeout=10).close()
    except OSError as error:
        raise ValueError(
            f"expected a Ray cluster at {address}, got {error}: start one with 'ray start --head', or leave out "
            "--address for one on this machine"
        ) from error
