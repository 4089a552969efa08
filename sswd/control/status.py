"""What `sswd status` tells, as data. Times in s, memory in MB. Pure."""

from msgspec import Struct


class Running(Struct, frozen=True, kw_only=True):
    """The command that runs."""

    id: int
    words: str
    """ "command 41 CMD '[0, 1]'"."""
    seconds: float
    progress: float


class Failure(Struct, frozen=True, kw_only=True):
    """Something that failed: what, when, and what to do about it."""

    words: str
    at: float
    """Seconds since 1970."""
    mend: str = ""


class StandingAlarm(Struct, frozen=True, kw_only=True):
    """PVs that share an alarm."""

    severity: str
    status: str
    words: str
    pvs: list[str]
    """Whole names; some of them."""
    count: int
    """How many they are."""
    is_fault: bool = True
    """False: puts were refused or aborted, and nothing is to be mended."""


class SystemStatus(Struct, frozen=True, kw_only=True):
    """One system."""

    name: str
    prefix: str
    target: str
    state: str
    """As WORKER:STATE."""
    phase: str
    """Finer than the state: see docs/reference/lifecycle.md."""
    run: int
    restarts: int
    pid: int
    uptime: float
    stalled: bool
    memory: float
    cpu: float
    running: Running | None
    queue: int
    link: str
    link_words: str
    last_exit: Failure | None
    last_error: Failure | None
    last_command: Failure | None
    """The last command that did not succeed."""
    alarms: list[StandingAlarm]
    not_posted: int
    """PVs that still have what the run before posted, or nothing."""
    refused_posts: int
    is_frozen: bool = False
    """The worker's process is stopped, by SIGSTOP or a debugger."""
    refused_code: Failure | None = None
    """Why fresh code was not taken in this run; the former code goes on."""
    save_error: str = ""
    """Why setpoints cannot be saved, in words."""
    lock: str = ""
    """ "locked by anna@10.0.0.5: aligning"; empty: it is free."""


class Wrong(Struct, frozen=True, kw_only=True):
    """One thing that is not well, and what to do about it."""

    where: str
    """The system, or "IOC"."""
    words: str
    mend: str


class Disk(Struct, frozen=True, kw_only=True):
    """Where the daemon writes."""

    folder: str
    holds: str
    """ "post-mortems", "setpoints", "the log", "the audit log", or several."""
    free: float | None
    """MB; None: the disk does not say."""
    size: float | None = None
    """Of the disk, MB."""
    error: str = ""
    """Why it does not say, words for "the disk ..."."""


class IocStatus(Struct, frozen=True, kw_only=True):
    """The daemon."""

    pid: int
    sswd: str
    prefix: str
    file: str
    started: float
    """Seconds since 1970."""
    uptime: float
    memory: float
    loop_lag: float
    clients: int
    channels: int
    monitors: int
    port: int
    """Of Channel Access, TCP."""
    state_directory: str
    disk_free: float | None
    """MB, in the state directory; None: the disk does not say."""
    disk_size: float | None = None
    disk_holds: str = "post-mortems"
    """What else is kept there, as in Disk."""
    disk_error: str = ""
    access: str = ""
    """The access security file; empty: there is none."""
    unknown_hosts: list[str] = []
    """Hosts that it names and that have no address yet: their clients are nobody."""
    forkserver: int | None = None
    """The pid of the process that forks workers; None: there is none now."""
    forkserver_error: str = ""
    """Why it does not fork now, words for "it ..."; empty: it does, or no system has
    `start = "fork"`."""
    other_disks: list[Disk] = []
    """Of other directories than the state directory."""
    reload_error: str = ""
    """Why the last reload changed nothing, in words; empty: it did."""
    waits: list[str] = []
    """Keys of the configuration that have changed and wait for a restart of the daemon.
    """
    files: list[str] = []
    """What is wrong with the log file and the audit log, in words."""


class Status(Struct, frozen=True, kw_only=True):
    """All of it."""

    ioc: IocStatus
    systems: list[SystemStatus]
    wrong: list[Wrong]
    """What is not well; empty: nothing."""
