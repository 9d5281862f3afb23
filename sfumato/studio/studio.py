"""`sfumato studio`: the page, served on this machine."""

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from ..checkpoints import read_text
from ..errors import UserError
from ..options import check_options, number
from ..outputs import holding, refuse_file

_SHORTEST = 8


@dataclass
class StudioOptions:
    """Serve a page on which digits, faces and prompts are painted, words and models learned, and all is looked at."""

    folder: Path = field(default=Path("studio"), metadata={"place": True})
    """Folder of all that the page makes: pictures, runs, files that are sent, and the line of jobs. Opened again, it
    goes on."""
    models: Optional[Path] = None
    """A folder of checkpoints and LoRAs to choose from, with all below it."""
    host: str = "127.0.0.1"
    """Address to listen on. Any other than this machine's own needs --password-file."""
    port: int = number(7860, 0, 65535)
    """Port to listen on; 0 for any that is free."""
    password_file: Optional[Path] = None
    """A file whose first line is the password that the page asks for. It travels unencrypted: put a server with TLS
    before it where others share the network."""
    largest: int = number(4096, 1)
    """Megabytes that a file which is sent may have."""
    open: bool = False
    """Open the page in the browser."""


def studio(options: StudioOptions) -> None:
    """Serve until interrupted; see StudioOptions.

    Raises:
        UserError: for a folder that cannot be used or that another studio has, a port that is taken, or a wish to
            listen beyond this machine without a password.
    """
    from .guard import LOOPBACK
    from .place import refuse_no_folder

    check_options(options)
    refuse_file(options.folder)
    refuse_no_folder(options.models)
    password = _password(options.password_file)
    if options.host not in LOOPBACK and password is None:
        raise UserError(
            f"--host {options.host}: whoever reaches this machine could use the page; give --password-file too"
        )
    with _listening(options.host, options.port) as listening, holding(options.folder):
        _serve(options, listening, password)


def _serve(options: StudioOptions, listening: socket.socket, password: Optional[str]) -> None:
    import uvicorn

    from .app import Studio
    from .guard import Guard
    from .place import Place

    port = listening.getsockname()[1]
    made = Studio(Place(options.folder, options.models), options.largest << 20)
    server = uvicorn.Server(
        uvicorn.Config(
            Guard(made.app(), port, password),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
        )
    )
    shown = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
    print(f"the studio is open at {address}  (its folder: {options.folder}; Ctrl-C closes it)", flush=True)
    if options.open:
        import webbrowser

        webbrowser.open(address)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        print("closed; what was not finished goes on when the studio is opened with the same folder")
    finally:
        made.jobs.close()


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family)
    except OSError as error:
        raise UserError(f"--host {host}: is no address of this machine ({error.strerror})") from None
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        # Whoever reads the address below may come before the server does: then they wait.
        listening.listen(128)
        return listening
    except OSError as error:
        listening.close()
        raise UserError(f"--port {port}: cannot be listened on at {host} ({error.strerror}); give another") from None


def _password(path: Optional[Path]) -> Optional[str]:
    if path is None:
        return None
    first = (read_text(path, "give a text file with the password").splitlines() or [""])[0].strip()
    if len(first) < _SHORTEST:
        raise UserError(f"{path}: its first line is the password and needs {_SHORTEST} letters or more")
    return first
