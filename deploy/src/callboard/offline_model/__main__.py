"""Run the offline model on this machine: `python -m callboard.offline_model --port N`."""

import argparse
import os
from pathlib import Path

import uvicorn

from callboard.offline_model.api import create_app
from callboard.offline_model.ledger import Ledger


def main() -> None:
    """Serve on 127.0.0.1 until the process is told to stop."""
    parser = argparse.ArgumentParser(prog="callboard.offline_model", description="A local server that is not a model.")
    parser.add_argument("--port", type=int, required=True, help="the port on 127.0.0.1")
    parser.add_argument("--api-key", default=os.environ.get("CALLBOARD_OFFLINE_API_KEY"), help="refuse any other key")
    parser.add_argument("--ledger", type=Path, help="a file that keeps the list of requests over a restart")
    options = parser.parse_args()
    app = create_app(ledger=Ledger(options.ledger), api_key=options.api_key)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


main()
