"""The process behind the embedded cloud: moto's EC2 on one loopback port, the instances' network on another.

Prints one line of JSON once both answer (the fields of `embedded.EmbeddedCloud`), then serves until its standard
input ends, which happens when whoever started it ends, however that came about.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from reconciler.demo.embedded_volume_status import answer_volume_status
from reconciler.demo.instance_network import InstanceNetwork

LOOPBACK = "127.0.0.1"
ACCOUNT = "123456789012"  # moto's own account: what the fake credentials belong to.
INSTANCE_PROFILE = "fleet-demo"

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class OneRequestAtATime:
    """moto's records are not made for concurrent use: tags written while a list is served make the list fail."""

    def __init__(self, application: WsgiApplication, lock: threading.Lock) -> None:
        self._application = application
        self._lock = lock

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        with self._lock:
            return list(self._application(environ, start_response))


def main(arguments: list[str]) -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m reconciler.demo.embedded_server")
    parser.add_argument("--port", type=int, default=0, help="port of EC2; 0 takes a free one")
    parser.add_argument("--region", default="us-east-1")
    options = parser.parse_args(arguments)
    _configure(options.region)

    lock = threading.Lock()
    endpoint = f"http://{LOOPBACK}:{_serve_ec2(options.port, lock)}"
    network = InstanceNetwork((LOOPBACK, 0), running_instance_with(options.region, lock))
    threading.Thread(target=network.serve_forever, daemon=True).start()

    announcement = {
        "endpoint": endpoint,
        "probe_proxy": f"http://{LOOPBACK}:{network.server_address[1]}",
        "account": ACCOUNT,
        "region": options.region,
        **_prepare_launches(endpoint, options.region),
    }
    sys.stdout.write(json.dumps(announcement) + "\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    os._exit(0)  # Whoever started it is gone; nothing is worth an orderly end.


def _configure(region: str) -> None:
    # moto and boto3 read these when they are first imported, which is why they are imported below and not above.
    os.environ.update(
        MOTO_EC2_LOAD_DEFAULT_AMIS="false",  # A hundred images that nobody asks for cost half a second.
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",  # noqa: S106 - moto takes any
        AWS_DEFAULT_REGION=region,
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY=LOOPBACK,
        no_proxy=LOOPBACK,
    )
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # Not a line for every request.


def _serve_ec2(port: int, lock: threading.Lock) -> int:
    """Start moto's server in a thread; the port it listens on."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - reads the settings of _configure
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415 - comes with the extra

    answer_volume_status()
    application = OneRequestAtATime(DomainDispatcherApplication(create_backend_app), lock)
    server = make_server(
        LOOPBACK, port, application, threaded=True, request_handler=MotoRequestHandler
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def running_instance_with(region: str, lock: threading.Lock) -> Callable[[str], bool]:
    """Whether an instance with this private address is running, straight from moto's records."""
    from moto.ec2.models import ec2_backends  # noqa: PLC0415 - reads the settings of _configure

    def is_running(private_ip: str) -> bool:
        with lock:
            return any(
                instance.private_ip == private_ip and instance.state == "running"
                for instance in ec2_backends[ACCOUNT][region].all_instances()
            )

    return is_running


def _prepare_launches(endpoint: str, region: str) -> dict[str, Any]:
    """What an account has before its first fleet: an image, groups, a profile, and a subnet in each zone."""
    import boto3  # noqa: PLC0415 - reads the settings of _configure

    ec2 = boto3.client("ec2", endpoint_url=endpoint, region_name=region)
    iam = boto3.client("iam", endpoint_url=endpoint, region_name=region)
    image = ec2.register_image(
        Name="fleet-demo",
        Architecture="x86_64",
        RootDeviceName="/dev/xvda",
        VirtualizationType="hvm",
    )
    groups = {
        name: ec2.create_security_group(GroupName=name, Description=description)["GroupId"]
        for name, description in (
            ("fleet-demo", "what serving instances are reached through"),
            ("fleet-demo-staging", "closed: replacements boot in it until their commit"),
        )
    }
    iam.create_instance_profile(InstanceProfileName=INSTANCE_PROFILE)  # moto refuses unknown ones.
    return {
        "image": image["ImageId"],
        "security_group": groups["fleet-demo"],
        "staging_security_group": groups["fleet-demo-staging"],
        "instance_profile": INSTANCE_PROFILE,
        "subnets": {
            subnet["AvailabilityZoneId"]: subnet["SubnetId"]
            for subnet in ec2.describe_subnets()["Subnets"]
        },
    }


if __name__ == "__main__":
    main(sys.argv[1:])
