"""The gateway's own server: threads, since a request mostly waits for a service."""

import warnings

warnings.filterwarnings("ignore", message="\\s*Eventlet is deprecated")  # known: docs/decisions/0001-nameko.md

worker_class = "gthread"
workers = 2
threads = 16
timeout = 60
graceful_timeout = 10
keepalive = 30
worker_tmp_dir = "/dev/shm"  # noqa: S108 - gunicorn's heartbeat file, kept off the disk
