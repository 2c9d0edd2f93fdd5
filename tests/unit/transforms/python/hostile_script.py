"""Every way out that we know of, as one script: each event names the attack to try.

An attack returns what it got: that is an escape. What raises was held. The values it needs from
outside (paths, ports, process ids) come with the event.
"""

# It does on purpose what the linter forbids.
# ruff: noqa


def modules():
    """The real modules of the process, around the guard: `__mro__` and a frame's globals."""
    for kind in ().__class__.__base__.__subclasses__():
        if kind.__name__ == "catch_warnings":
            return kind.__init__.__globals__["sys"].modules
    raise RuntimeError("no way around the guard")


def real(name):
    return modules()[name]


def builtin(name):
    return getattr(real("builtins"), name)


def libc():
    return real("ctypes").CDLL(None, use_errno=True)


def checked(result):
    if result < 0:
        raise OSError(real("ctypes").get_errno(), "refused")
    return result


def open_by_guard(p):
    return open(p["secret"]).read()


def open_by_builtins(p):
    return builtin("open")(p["secret"]).read()


def open_by_os(p):
    return real("os").open(p["secret"], 0)


def open_by_io(p):
    return real("io").FileIO(p["secret"]).read()


def open_by_libc(p):
    return checked(libc().open(p["secret"].encode(), 0))


def open_by_openat2(p):
    return checked(libc().syscall(437, -100, p["secret"].encode(), b"\0" * 24, 24))


def open_by_io_uring(p):
    return checked(libc().syscall(425, 8, b"\0" * 120))


def write_file(p):
    return builtin("open")(p["target"], "w").write("x")


def make_folder(p):
    return real("os").mkdir(p["target"])


def delete_file(p):
    return real("os").remove(p["secret"])


def rename_file(p):
    return real("os").rename(p["secret"], p["target"])


def link_file(p):
    return real("os").symlink("/", p["target"])


def chmod_file(p):
    return real("os").chmod(p["secret"], 0o777)


def list_folder(p):
    return real("os").listdir("/")


def stat_file(p):
    return real("os").stat(p["secret"])


def change_root(p):
    return real("os").chroot("/")


def mount(p):
    return checked(libc().mount(b"none", b"/", b"tmpfs", 0, None))


def proc_environment(p):
    return builtin("open")(f"/proc/{p['parent']}/environ").read()


def proc_memory(p):
    return builtin("open")("/proc/self/mem", "rb+")


def proc_root(p):
    return real("os").listdir("/proc/self/root")


def shared_library(p):
    return real("ctypes").CDLL("libcrypt.so.1")


def native_module(p):
    return builtin("__import__")("_testcapi")


def other_module(p):
    return builtin("__import__")("antigravity_of_nowhere")


def late_module(p):
    return builtin("__import__")("smtplib")


def connect(p):
    socket = builtin("__import__")("_socket")
    return socket.socket(2, 1).connect(("127.0.0.1", p["port"]))


def connect_by_libc(p):
    return checked(libc().socket(2, 1, 0))


def raw_socket(p):
    return checked(libc().socket(17, 3, 0))


def unix_socket(p):
    return checked(libc().socket(1, 1, 0))


def socket_pair(p):
    return checked(libc().socketpair(1, 1, 0, b"\0" * 8))


def subprocess(p):
    return real("subprocess").run(["/bin/true"])


def system(p):
    result = real("os").system("/bin/true")
    if result:
        raise OSError(result)
    return result


def fork(p):
    return real("os").fork()


def fork_by_libc(p):
    return checked(libc().syscall(56, 17, 0, 0, 0, 0))


def vfork_by_libc(p):
    return checked(libc().syscall(58))


def clone3(p):
    return checked(libc().syscall(435, b"\0" * 88, 88))


def execute(p):
    return real("os").execv("/bin/true", ["true"])


def thread(p):
    return real("_thread").start_new_thread(print, ())


def signal_another(p):
    return real("os").kill(p["victim"], 9)


def signal_all(p):
    return real("os").kill(-1, 9)


def signal_by_handle(p):
    return checked(libc().syscall(434, p["victim"], 0))


def signal_handler(p):
    return real("_signal").signal(14, print)


def trace_another(p):
    return checked(libc().ptrace(16, p["parent"], 0, 0))


def read_memory_of_another(p):
    return checked(libc().syscall(310, p["parent"], b"\0" * 16, 1, b"\0" * 16, 1, 0))


def become_root(p):
    return real("os").setuid(0)


def raise_limit(p):
    limits = builtin("__import__")("resource")
    return limits.setrlimit(limits.RLIMIT_DATA, (-1, -1))


def raise_limit_by_libc(p):
    return checked(libc().syscall(302, 0, 2, b"\xff" * 16, 0))


def other_namespace(p):
    return checked(libc().unshare(0x10000000))


def keyring(p):
    return checked(libc().syscall(250, 0, -3, 1))


def load_bpf(p):
    return checked(libc().syscall(321, 0, b"\0" * 72, 72))


def perf(p):
    return checked(libc().syscall(298, b"\0" * 112, 0, -1, -1, 0))


def shared_memory(p):
    return checked(libc().syscall(29, 0, 4096, 0o1600))


def memory_file(p):
    return real("os").memfd_create("x")


def duplicate(p):
    return real("os").dup(0)


def pipe(p):
    return real("os").pipe()


def device_control(p):
    return checked(libc().ioctl(0, 0x541B, b"\0" * 8))


def executable_memory(p):
    found = libc().mmap
    found.restype = real("ctypes").c_void_p
    if found(None, 4096, 7, 0x22, -1, 0) == 2**64 - 1:
        raise OSError("refused")
    return "executable"


def make_executable(p):
    ctypes = real("ctypes")
    where = libc().mmap
    where.restype = ctypes.c_void_p
    page = where(None, 4096, 3, 0x22, -1, 0)
    return checked(libc().mprotect(ctypes.c_void_p(page), 4096, 7))


def arrow_file_system(p):
    pyarrow = __import__("pyarrow")
    return builtin("__import__")("pyarrow.fs").fs.LocalFileSystem().open_input_file(
        p["secret"]
    ), pyarrow


def arrow_memory_map(p):
    import pyarrow

    return pyarrow.memory_map(p["secret"]).read()


def arrow_file(p):
    import pyarrow

    return pyarrow.OSFile(p["secret"]).read()


def arrow_csv(p):
    import pyarrow

    return pyarrow.input_stream(p["secret"]).read()


def arrow_thread(p):
    """Threads of Arrow exist from before the seal: they must be under it, too."""
    import pyarrow

    return pyarrow.PythonFile(builtin("open")(p["secret"], "rb")).read()


def pickled(p):
    class Bomb:
        def __reduce__(self):
            return real("os").system, ("/bin/true",)

    pickle = real("pickle")
    if pickle.loads(pickle.dumps(Bomb())):
        raise OSError("refused")
    return "ran"


def frame_of_host(p):
    """Globals of our own functions, by the frames above."""
    try:
        raise KeyError
    except KeyError as error:
        frame = error.__traceback__.tb_frame
    while frame.f_back is not None:
        frame = frame.f_back
    return frame.f_globals["os"].listdir("/")


def environment(p):
    found = {k: v for k, v in real("os").environ.items() if k not in ("LC_CTYPE",)}
    if found:
        return found
    raise OSError("it is empty")


def descriptors(p):
    os, found = real("os"), []
    for number in range(3, 64):
        try:
            os.close(number)
            found.append(number)
        except OSError:
            pass
    if found:
        return found
    raise OSError("there are none")


def import_by_guard(p):
    import socket

    return socket


def import_submodule_by_guard(p):
    import urllib.request

    return urllib.request


def import_by_loader(p):
    return "".__class__.__base__.__subclasses__()[0].__loader__.load_module("socket")


def compile_by_guard(p):
    return eval("1 + 1")


def exit_process(p):
    real("os")._exit(0)


def crash(p):
    real("ctypes").string_at(0)


def endless_loop(p):
    while True:
        pass


def endless_loop_that_catches_all(p):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue


def regex_bomb(p):
    import re

    return re.match(r"(a+)+$", "a" * 64 + "b")


def number_bomb(p):
    return 7 ** (10**9)


def memory_bomb(p):
    held = []
    while True:
        held.append(bytearray(1 << 20))


def memory_bomb_of_one_piece(p):
    return len(bytearray(1 << 40))


def memory_bomb_that_hides(p):
    held = []
    while True:
        try:
            held.append("x" * (1 << 16) + str(len(held)))
        except MemoryError:
            return "went on"


def recursion(p):
    return recursion(p)


def fill_stdout(p):
    os = real("os")
    while True:
        os.write(1, b"x" * 65536)


def forge_an_answer(p):
    real("os").write(1, b"\x02\0\0\0\0\0\0\0\0\0\0\0{}")
    return None


def claim_a_huge_answer(p):
    real("os").write(1, b"\xff" * 64)
    while True:
        pass


def move_the_counter(p):
    """Point the counter of events elsewhere, so that no deadline is seen."""
    gc = builtin("__import__")("gc")
    pages = [o for o in gc.get_objects() if type(o).__name__ == "mmap"]
    frame = real("sys")._getframe()
    while frame is not None:
        pages += [v for v in frame.f_locals.values() if type(v).__name__ in ("mmap", "memoryview")]
        frame = frame.f_back
    for page in pages:
        try:
            page[0] = 10**6
        except (TypeError, ValueError):
            continue
    while True:
        pass


def transform(event):
    p = event.getProperties()
    attack = globals_()[p["attack"]]
    try:
        got = attack(p)
    except BaseException as error:
        p["held"] = f"{type(error).__name__}: {error}"[:200]
    else:
        p["got"] = repr(got)[:200]
    return event


def globals_():
    return transform.__globals__
