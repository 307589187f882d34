# SPDX-License-Identifier: MIT
"""Shows gdb the loops and tasks of a program that uses coro.

    info coro                 loops and their tasks
    coro N COMMAND            runs a command of gdb, such as bt, in task N
    coro apply all COMMAND    the same in each task
    coro gcore [FILE]         writes a core file that has the tasks' stacks

It reads the table that the library carries for debuggers (debug/offsets.h), so it needs no debug
information, and works on live processes and core files alike. It writes neither memory nor registers.
"""

import re
import struct
import time

import gdb
import gdb.unwinder

# The table's version, and the name and bytes of each field; the build fills them in.
FIELDS = """
@FIELDS@
"""

MAGIC = b"coro offsets\r\n\x1a"
MOST = 10_000_000  # tasks in a list; more means that it is broken
LISTS = ("tasks.all", "tasks.servants")


class Broken(gdb.GdbError):
    """What was read cannot be right."""


def connection_type():
    """What gdb reads from: "native", "core", or another; None before gdb 12, which does not say."""
    connection = getattr(gdb.selected_inferior(), "connection", None)
    return connection.type if connection else None


# -- memory


class Memory:
    """The memory of the inferior, as the numbers of its CPU."""

    def __init__(self):
        self.inferior = gdb.selected_inferior()
        self.order = ">" if "big" in gdb.execute("show endian", to_string=True) else "<"
        self.pointer_bytes = 8

    def read(self, address, size):
        return self.inferior.read_memory(address, size).tobytes()

    def number(self, address, format):
        format = self.order + format
        return struct.unpack(format, self.read(address, struct.calcsize(format)))[0]

    def u8(self, address):
        return self.number(address, "B")

    def i16(self, address):
        return self.number(address, "h")

    def u32(self, address):
        return self.number(address, "I")

    def i64(self, address):
        return self.number(address, "q")

    def pointer(self, address):
        return self.number(address, "Q" if self.pointer_bytes == 8 else "I")

    def complement(self, address):
        """An address that is stored as its complement; None if there is none."""
        value = self.pointer(address)
        return value ^ ((1 << 8 * self.pointer_bytes) - 1) if value else None

    def string(self, address, most=256):
        """The string that a pointer at this address points to; None if that is NULL."""
        at = self.pointer(address)
        if not at:
            return None
        text = b""
        try:
            while b"\0" not in text and len(text) < most:
                # Not beyond the page, behind which there may be no memory.
                text += self.read(at + len(text), 64 - (at + len(text)) % 64)
        except gdb.MemoryError:
            if not text:
                return "?"
        text = text.split(b"\0")[0][:most].decode("utf-8", "replace")
        return "".join(c if c.isprintable() else "?" for c in text)


# -- the table


class Table:
    """Where the fields of the library's structs are."""

    def __init__(self, memory, address):
        self.memory = memory
        self.values = {}
        fields = [line.split() for line in FIELDS.split("\n") if line]
        known = int(fields[0][1])
        if memory.read(address, len(MAGIC)) != MAGIC:
            raise Broken("The section .coro.debug does not begin with its magic.")
        at = address
        for name, size in fields[1:]:
            size = int(size)
            at += -at % min(size, 8)
            if size <= 8:
                self.values[name] = memory.number(at, "I" if size == 4 else "Q")
            at += size
            if name == "version" and self["version"] != known:
                raise Broken(
                    "The library's table has version %d, and this script reads %d: use the "
                    "script that was installed with the library." % (self["version"], known)
                )
            if name == "bytes":
                end = address + self["bytes"]
            if name not in ("magic", "version") and at > end:
                raise Broken("The library's table is shorter than this script expects.")
        memory.pointer_bytes = self["pointer_bytes"]

    def __getitem__(self, name):
        return self.values[name]


def find_tables():
    """The tables of the program's objects: seldom more than one."""
    files = gdb.execute("info files", to_string=True)
    memory = Memory()
    for start in sorted(set(re.findall(r"(0x[0-9a-f]+) - 0x[0-9a-f]+ is \.coro\.debug\b", files))):
        table = Table(memory, int(start, 16))
        if table["self"]:  # its constructors have run
            yield table


# -- loops and tasks


class Loop:
    def __init__(self, table, address, number):
        self.table = table
        self.memory = table.memory
        self.address = address
        self.number = number
        self.tid = self.memory.u32(address + table["sched.tid"])
        self.running = self.memory.pointer(address + table["sched.running"])

    def tasks(self, list_name="tasks.all"):
        t = self.table
        head = self.address + t[list_name]
        link = self.memory.pointer(head + t["list.next"])
        for _ in range(MOST):
            if link == head:
                return
            yield Task(self, link - t["spawned.all"])
            link = self.memory.pointer(link + t["list.next"])
        raise Broken("The list of tasks has no end.")

    def shows_thread(self, loops):
        """Whether it is the first loop of its thread."""
        at = self.address + self.table["sched.thread"]
        mine = self.memory.pointer(at)
        threads = [loop.memory.pointer(loop.address + loop.table["sched.thread"]) for loop in loops]
        return loops[threads.index(mine)] is self

    def coroutines(self):
        """Coroutines and generators with a stack of the loop's thread, tasks left out."""
        t = self.table
        thread = self.memory.pointer(self.address + t["sched.thread"])
        tasks = {task.address for name in LISTS for task in self.tasks(name)}
        size = self.memory.pointer(thread + t["thread.sizes"])
        while size:
            for frame in self.frames(thread, size):
                address = self.memory.pointer(frame + t["frame.co"])
                if address and address not in tasks:
                    yield Coroutine(self, frame, address)
            size = self.memory.pointer(size + t["stack_size.next"])

    def frames(self, thread, size):
        """The headers of stacks of one size that are in use."""
        t = self.table
        read = self.memory.pointer
        free = set()
        warm = read(size + t["stack_size.warm"])
        while warm and warm not in free:
            free.add(warm)
            warm = read(warm + t["stack.next"])
        slot = read(size + t["stack_size.slot"])
        colours = read(thread + t["thread.colours"])
        slab = read(size + t["stack_size.slabs"])
        while slab:
            start = read(slab + t["slab.start"])
            for i in range(min(read(slab + t["slab.fresh"]), MOST)):
                cold = self.memory.number(slab + t["slab.cold"] + i // 64 * 8, "Q")
                colour = i * t["stack.colour_step"] % colours * t["stack.colour_unit"]
                frame = start + (i + 1) * slot - colour - t["stack.header"]
                if not cold >> i % 64 & 1 and frame not in free:
                    yield frame
            slab = read(slab + t["slab.next"])

    def now(self):
        """The loop's time in nanoseconds; None if it is not known, as of a core file."""
        if self.memory.u8(self.address + self.table["sched.virtual_clock"]):
            return self.memory.i64(self.address + self.table["sched.now"])
        if connection_type() != "native":
            return None
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def thread(self):
        """gdb's thread that the loop belongs to; None if it is not there."""
        for thread in gdb.selected_inferior().threads():
            if thread.ptid[1] == self.tid:
                return thread
        return None


class Task:
    def __init__(self, loop, address):
        self.loop = loop
        self.table = loop.table
        self.memory = loop.memory
        self.address = address
        self.number = self.memory.u32(address + self.table["task.number"])

    def field(self, name, read=None):
        return (read or self.memory.pointer)(self.address + self.table[name])

    @property
    def frame(self):
        """The header of its stack; 0 before the task has started."""
        if self.field("coro.state", self.memory.u8) == 0 or self.done:
            return 0
        return self.field("coro.frame")

    @property
    def done(self):
        future = self.address + self.table["spawned.future"]
        return self.memory.u8(future + self.table["future.done"]) != 0

    @property
    def runs(self):
        return self.address == self.loop.running

    @property
    def lost(self):
        """Whether the memory of its stack is not there, as in a core file that lacks it."""
        frame = self.frame
        return frame != 0 and not self.memory.pointer(frame + self.table["frame.co"])

    def doing(self):
        """What the task does, as coro_loop_dump says it."""
        if self.done:
            return "is done"
        if self.runs:
            return "runs"
        if not self.frame:
            return "has not started"
        if self.lost:
            return "has a stack that the core file lacks"
        kind = self.memory.pointer(self.frame + self.table["frame.wait"] + self.table["wait.kind"])
        if not kind:
            return "is ready"
        return "waits in " + Wait(self, kind).text()

    def origin(self):
        """Where and by which task it was spawned."""
        site = self.memory.string(self.address + self.table["coro.site"])
        parent = self.field("spawned.parent", self.memory.u32)
        by = " by task %u" % parent if parent else ""
        return "spawned at %s%s" % (site, by) if site else "spawned" + by if by else ""

    def name(self):
        return self.memory.string(self.address + self.table["coro.name"])

    def brief(self):
        name = self.name()
        return "task %d%s" % (self.number, " " + name if name else "")

    def title(self, loops):
        name = self.name()
        text = "task %s%s, %s" % (self.id(loops), " " + name if name else "", self.doing())
        origin = self.origin()
        return text + (", " + origin if origin else "")

    def id(self, loops):
        return "%d.%d" % (self.loop.number, self.number) if len(loops) > 1 else str(self.number)


class Coroutine:
    """A coroutine or a generator, which no loop lists: it is found by its stack."""

    CREATED, SUSPENDED, RUNNING, DONE, DELEGATING, DELEGATED = range(6)
    lost = False
    runs = False

    def __init__(self, loop, frame, address):
        self.loop = loop
        self.table = loop.table
        self.memory = loop.memory
        self.frame = frame
        self.address = address
        self.state = self.memory.u8(address + self.table["coro.state"])

    def string(self, name):
        return self.memory.string(self.address + self.table[name])

    def id(self, loops):
        return "0x%x" % self.address

    def name(self):
        return self.string("coro.name")

    def doing(self):
        if self.state == self.RUNNING:
            return "runs, or a task waits in it"
        return "delegates" if self.state == self.DELEGATING else "is suspended"

    def origin(self):
        site = self.string("coro.site")
        return "made at " + site if site else ""

    def title(self, loops):
        parts = ["coroutine " + self.id(loops), self.name(), self.doing(), self.origin()]
        return ", ".join(part for part in parts if part)

    def stacks(self):
        if self.state == self.RUNNING:
            raise gdb.GdbError("It runs, or a task waits in it: look at the task.")
        context = self.memory.pointer(self.address + self.table["coro.context"])
        return [Stack(Registers(self.table, context))]


class Runner:
    """Who runs a loop, as task 0 of it: the frames that a backtrace in a task does not show."""

    number = 0
    lost = False

    def __init__(self, loop):
        self.loop = loop
        self.table = loop.table

    @property
    def runs(self):
        return not self.loop.running

    def doing(self):
        return "runs" if self.runs else "runs task %d" % Task(self.loop, self.loop.running).number

    def title(self, loops):
        return "the runner of loop %d, %s" % (self.loop.number, self.doing())

    def stacks(self):
        context = self.loop.address + self.table["sched.context"]
        return [Stack(Registers(self.table, self.table.memory.pointer(context)))]


class Wait:
    """What a parked task waits in, as coro_task_waiting says it."""

    MOST_NAMED = 8  # of several tasks

    def __init__(self, task, kind):
        t = task.table
        self.task = task
        self.table = t
        self.memory = task.memory
        self.address = task.frame + t["frame.wait"]
        self.what = self.memory.string(kind + t["wait_kind.what"]) or "?"
        self.type = self.memory.u8(kind + t["wait_kind.subject_type"])
        beside = self.memory.u8(kind + t["wait_kind.subject_beside"])
        origin = self.memory.pointer(self.address + t["wait.waiter"]) if beside else self.address
        self.subject = origin + self.memory.i16(kind + t["wait_kind.subject_at"])

    def text(self):
        describe = {
            1: self.timer,
            2: self.future,
            3: self.futures,
            4: self.group,
            5: self.lock,
            6: self.fd,
            7: self.process,
            8: self.completed,
        }.get(self.type)
        try:
            return (describe() if describe else self.what) + self.waited()
        except gdb.MemoryError:
            return self.what

    def waited(self):
        """For how long it has waited so far, which is known in debug mode."""
        since = self.memory.u32(self.address + self.table["wait.since"])
        now = self.task.loop.now()
        if not since or now is None:
            return ""
        # Counted in milliseconds of 32 bits, and never 0.
        return ", for %.3f s so far" % (((now // 1000000 | 1) - since) % 2**32 / 1e3)

    def timer(self):
        t = self.table
        heap = self.task.loop.address + t["sched.timers"]
        place = self.memory.pointer(self.subject + t["heap.timer_node"] + t["heap.node_place"])
        if place >= self.memory.pointer(heap + t["heap.count"]):
            return self.what
        entries = self.memory.pointer(heap + t["heap.entries"])
        end = self.memory.i64(entries + place * t["heap.entry_bytes"] + t["heap.entry_key"])
        now = self.task.loop.now()
        if end == 2**63 - 1:
            return self.what + " without end"
        return self.what if now is None else "%s, %.3f s more" % (self.what, max(end - now, 0) / 1e9)

    # Several futures: each of these returns their addresses.

    def array(self, count, at, item_bytes, item_future):
        items = (at + i * item_bytes + item_future for i in range(min(count, MOST)))
        return [future for future in map(self.memory.pointer, items) if future]

    def done_calls(self, at):
        t = self.table
        count = self.memory.pointer(at + t["done_calls.count"])
        first = self.memory.pointer(at + t["done_calls.all"])
        return self.array(count, first, t["done_calls.item_bytes"], t["done_calls.item_future"])

    def members(self, group):
        t = self.table
        head = group + t["group.members"]
        futures = []
        link = self.memory.pointer(head + t["list.next"])
        while link != head and len(futures) < MOST:
            futures.append(self.memory.pointer(link - t["member.link"] + t["member.future"]))
            link = self.memory.pointer(link + t["list.next"])
        return futures

    def task_of(self, future):
        """The task that a future is the result of; None for others."""
        if self.memory.u8(future + self.table["future.kind"]) != 1:
            return None
        return Task(self.task.loop, future - self.table["spawned.future"])

    def pending(self, futures):
        return [f for f in futures if not self.memory.u8(f + self.table["future.done"])]

    def named(self, what, futures):
        """Adds the tasks among the futures."""
        names = [task.brief() for task in map(self.task_of, futures) if task]
        more = len(names) - self.MOST_NAMED
        text = ", ".join(names[: self.MOST_NAMED]) + (" and %d more" % more if more > 0 else "")
        return "%s: %s" % (what, text) if names else what

    def several(self, what, futures):
        left = self.pending(futures)
        return self.named("%s, %d of %d left" % (what, len(left), len(futures)), left)

    def futures(self):
        return self.several(self.what, self.done_calls(self.subject))

    def completed(self):
        t = self.table
        at = self.memory.pointer(self.subject)
        count = self.memory.pointer(at + t["completed.count"])
        items = t["completed.item_bytes"], t["completed.item_future"]
        return self.several(self.what, self.array(count, at + t["completed.all"], *items))

    def group(self):
        left = self.pending(self.members(self.memory.pointer(self.subject)))
        what = "%s, %d member%s left" % (self.what, len(left), "" if len(left) == 1 else "s")
        return self.named(what, left)

    # Other subjects.

    def future(self):
        t = self.table
        future = self.memory.pointer(self.subject)
        if self.memory.u8(future + t["future.kind"]) == 2:
            return self.several("a gather", self.done_calls(future + t["gather.children"]))
        task = self.task_of(future)
        if not task:
            return self.what
        return "the start of " * (self.what == "a member's start") + task.brief()

    def lock(self):
        t = self.table
        hold = self.memory.pointer(self.memory.pointer(self.subject) + t["lock.hold"])
        if not hold:
            return self.what
        number = self.memory.u32(hold + t["hold.task"])
        site = self.memory.string(hold + t["hold.site"])
        return "%s, held%s since %s" % (self.what, " by task %d" % number if number else "", site)

    def fd(self):
        fd = self.memory.pointer(self.subject)
        if not fd:
            return "an fd that is closed"
        return "fd %d, %s" % (self.memory.u32(fd + self.table["fd.number"]), self.what)

    def process(self):
        process = self.memory.pointer(self.subject)
        return "the end of process %d" % self.memory.u32(process + self.table["process.pid"])


def find_loops():
    """All loops, numbered from 1 in the order in which they were made."""
    loops = []
    tables = list(find_tables())
    for table in tables:
        address = table.memory.complement(table["loops"])
        while address is not None:
            if len(loops) > MOST:
                raise Broken("The list of loops has no end.")
            loops.append(Loop(table, address, len(loops) + 1))
            address = table.memory.complement(address + table["sched.next_loop"])
    if not tables:
        raise gdb.GdbError(
            "No library is found: the program does not use coro, has not started, or its core "
            "file lacks the memory."
        )
    return loops


def find_task(loops, text):
    """The task of N, or L.N: that of loop L."""
    if text.startswith("0x"):
        for loop in loops:
            for coroutine in loop.coroutines():
                if coroutine.id(loops) == text:
                    return coroutine
        raise gdb.GdbError("There is no coroutine %s; info coro -all lists them." % text)
    match = re.fullmatch(r"(?:(\d+)\.)?(\d+)", text)
    if not match:
        raise gdb.GdbError("%s is no number of a task; info coro lists them." % text)
    number = int(match.group(2))
    if match.group(1):
        among = [loop for loop in loops if loop.number == int(match.group(1))]
    else:
        thread = gdb.selected_thread()
        among = [loop for loop in loops if thread and loop.tid == thread.ptid[1]] or loops
    if number == 0:
        found = [Runner(loop) for loop in among]
    else:
        found = tasks_numbered(among, number)
    if not found:
        raise gdb.GdbError("There is no task %s that is not done; info coro lists them." % text)
    if len(found) > 1:
        raise gdb.GdbError(
            "Several loops have a task %d: say %s."
            % (number, " or ".join("%d.%d" % (task.loop.number, number) for task in found))
        )
    return found[0]


def tasks_numbered(loops, number):
    return [
        task
        for loop in loops
        for list_name in LISTS
        for task in loop.tasks(list_name)
        if task.number == number
    ]


# -- registers of what is suspended

CONTEXT_UCONTEXT, CONTEXT_SETJMP, CONTEXT_X86_64 = 1, 2, 3
CONTEXT_AARCH64, CONTEXT_RISCV64, CONTEXT_I386, CONTEXT_ARMHF, CONTEXT_S390X = 4, 5, 6, 7, 8


class Layout:
    """Where the registers are that a context keeps: their names, in words from an offset on."""

    def __init__(self, names, at=0, pc="pc", sp="sp", end=None):
        self.names = names
        self.at = at
        self.pc = pc
        self.sp = sp
        self.end = end  # where the stack goes on; None if the stack pointer is among the registers


def x86_64(names, end=None):
    return Layout(names.split(), pc="rip", sp="rsp", end=end)


def numbered(letter, first, last):
    return [letter + str(i) for i in range(first, last + 1)]


# By CPU, as gdb calls it, and backend.
LAYOUTS = {
    ("i386:x86-64", CONTEXT_X86_64): x86_64("r15 r14 r13 r12 rbx rbp rip", 56),
    # A jmp_buf of glibc.
    ("i386:x86-64", CONTEXT_SETJMP): x86_64("rbx rbp r12 r13 r14 r15 rsp rip"),
    # A ucontext_t: five words of other things, then registers.
    ("i386:x86-64", CONTEXT_UCONTEXT): x86_64(
        "- - - - - - - - - r12 r13 r14 r15 - - rbp rbx - - - rsp rip"
    ),
    ("i386", CONTEXT_I386): Layout("edi esi ebx ebp eip".split(), pc="eip", sp="esp", end=20),
    ("aarch64", CONTEXT_AARCH64): Layout(["x29", "pc"] + numbered("x", 19, 28), end=160),
    ("riscv", CONTEXT_RISCV64): Layout(["pc", "fp", "s1"] + numbered("s", 2, 11), end=208),
    ("arm", CONTEXT_ARMHF): Layout(numbered("r", 4, 11) + ["pc"], at=68, end=104),
    ("s390", CONTEXT_S390X): Layout(numbered("r", 6, 13) + ["pc"], at=48, sp="r15", end=0),
}
MASK = (1 << 64) - 1


def pointer_guard(memory):
    """What glibc's setjmp has combined stack and code addresses with; the same in all threads."""
    return memory.pointer(int(gdb.newest_frame().read_register("fs_base")) + 0x30)


def unmangle(word, guard):
    return ((word >> 17 | word << 47) & MASK) ^ guard


def code_address(cpu, address):
    """A return address without what some CPUs mark it with: Thumb state, a signature."""
    if cpu.startswith("arm"):
        return address & ~1
    if cpu.startswith("aarch64"):
        return address & (1 << 48) - 1
    return address


def layout_of(cpu, context):
    known = False
    for (name, kind), layout in LAYOUTS.items():
        # Of the names that gdb has for x86-64 the one for 32 bits is a part.
        if cpu == name or name != "i386" and cpu.startswith(name):
            known = True
            if kind == context:
                return layout
    if known:
        raise gdb.GdbError("This script does not know how the library saves registers.")
    raise gdb.GdbError("Stacks of suspended tasks cannot be walked on this CPU.")


class Registers:
    """The registers of a suspended context, as they are behind the switch that left it."""

    def __init__(self, table, context):
        memory = table.memory
        cpu = gdb.newest_frame().architecture().name()
        layout = layout_of(cpu, table["context"])
        word = "%d%s" % (len(layout.names), "Q" if memory.pointer_bytes == 8 else "I")
        size = memory.pointer_bytes * len(layout.names)
        words = struct.unpack(memory.order + word, memory.read(context + layout.at, size))
        values = {name: word for name, word in zip(layout.names, words) if name != "-"}
        if table["context"] == CONTEXT_SETJMP:
            guard = pointer_guard(memory)
            for name in ("rbp", "rsp", "rip"):
                values[name] = unmangle(values[name], guard)
        if layout.end is not None:
            values[layout.sp] = context + layout.end
        if cpu.startswith("arm"):
            values["cpsr"] = 0x30 if values["pc"] & 1 else 0x10  # user mode; in Thumb state
        values[layout.pc] = code_address(cpu, values[layout.pc])
        self.values = values
        self.names = layout.pc, layout.sp
        self.pc, self.sp = (values[name] for name in self.names)


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class Unwinder(gdb.unwinder.Unwinder):
    """
    Has gdb believe that the function in which the selected thread stands was called from where a
    task is suspended. Only while a command of this script runs.
    """

    def __init__(self):
        super().__init__("coro")
        self.registers = None

    def begin(self, registers):
        newest = gdb.newest_frame()
        self.top = tuple(int(newest.read_register(name)) for name in registers.names)
        self.registers = registers
        gdb.invalidate_cached_frames()

    def end(self):
        self.registers = None
        gdb.invalidate_cached_frames()

    def __call__(self, pending_frame):
        if not self.registers:
            return None
        pc, sp = (pending_frame.read_register(name) for name in self.registers.names)
        if (int(pc), int(sp)) != self.top:
            return None
        # gdb stops at a frame that lies below the one that it called.
        below = gdb.Value(self.registers.sp - 16).cast(sp.type)
        unwound = pending_frame.create_unwind_info(FrameId(below, pc))
        for name, value in self.registers.values.items():
            type = pending_frame.read_register(name).type
            unwound.add_saved_register(name, gdb.Value(value).cast(type))
        return unwound


unwinder = Unwinder()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)


class Setting:
    """Changes a setting of gdb for a while."""

    def __init__(self, name, value):
        self.name = name
        self.value = value

    def __enter__(self):
        self.before = gdb.parameter(self.name)
        gdb.execute("set %s %s" % (self.name, self.value), to_string=True)

    def __exit__(self, *error):
        before = self.before
        if isinstance(before, bool):
            before = "on" if before else "off"
        gdb.execute("set %s %s" % (self.name, before), to_string=True)


class Selection:
    """Puts gdb's selected thread and frame back."""

    def __enter__(self):
        self.thread = gdb.selected_thread()
        self.level = 0
        try:
            self.level = gdb.selected_frame().level()
        except gdb.error:
            pass

    def __exit__(self, *error):
        if not self.thread or not self.thread.is_valid():
            return
        self.thread.switch()
        frame = gdb.newest_frame()
        for _ in range(self.level):
            frame = frame.older() or frame
        frame.select()


# -- commands in a task


class Stack:
    """The frames of a coroutine: those of the thread that runs it, or those behind a context."""

    def __init__(self, registers=None):
        self.registers = registers
        self.skipped = 0  # how many frames of gdb's precede
        self.count = 0

    def __enter__(self):
        if self.registers:
            unwinder.begin(self.registers)
        try:
            frame = gdb.newest_frame()
            self.skipped = self.count = 0
            while self.registers and frame and not self.begins(frame):
                self.skipped += 1
                frame = frame.older()
            if not frame:
                raise gdb.GdbError("gdb cannot reach the frames of the task.")
            frame.select()
            while frame:
                self.count += 1
                frame = frame.older()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        if self.registers:
            unwinder.end()

    def begins(self, frame):
        return (
            frame.pc() == self.registers.pc
            and int(frame.read_register(self.registers.names[1])) == self.registers.sp
        )


def stacks_of(task):
    """The stacks of a task, the innermost first: its own comes last, generators' before."""
    t = task.table
    if not isinstance(task, Task):
        return [Stack()] if task.runs else task.stacks()
    if not task.frame:
        return []
    if task.runs:
        thread = task.memory.pointer(task.loop.address + t["sched.thread"])
        at = task.memory.pointer(thread + t["thread.self"])
        stacks = [Stack()]
    else:
        at = task.field("coro.at")
        stacks = [Stack(Registers(t, task.field("coro.context")))]
    while at != task.address and len(stacks) < 1000:
        # While a coroutine runs or waits, it has the context of who has resumed it.
        context = task.memory.pointer(at + t["coro.context"])
        stacks.append(Stack(Registers(t, context)))
        at = task.memory.pointer(at + t["coro.resumer"])
    return stacks


FRAME = re.compile(r"^#(\d+) *", re.M)


def blocks(text):
    """Divides what gdb prints for several frames: a piece for each."""
    starts = [match.start() for match in FRAME.finditer(text)]
    return [text[a:b] for a, b in zip(starts, starts[1:] + [len(text)])]


def renumber(text, by):
    return FRAME.sub(lambda match: "#%-3d" % (int(match.group(1)) + by), text)


BACKTRACE = re.compile(r"(?:bt|backtrace|where)(?=\s|/|$)(.*)", re.S)
FRAME_N = re.compile(r"(?:f|frame)\s+(?:level\s+)?(\d+)$")
FRAME_APPLY = re.compile(
    r"(?:frame\s+apply|faas?)\s+(?:(all)|level\s+(\d+)(?:-(\d+))?|(\d+))\s+(.*)$", re.S
)


def backtrace(stacks, arguments):
    limit = None
    match = re.search(r"\s(-?\d+)\s*$", arguments)
    if match:
        limit = int(match.group(1))
        arguments = arguments[: match.start()]
    pieces = []
    offset = 0
    for stack in stacks:
        with stack:
            text = gdb.execute("backtrace " + arguments, to_string=True)
            own = blocks(text)[stack.skipped :]
            pieces += [renumber(piece, offset - stack.skipped) for piece in own]
            offset += stack.count
    if limit is not None:
        pieces = pieces[:limit] if limit >= 0 else pieces[limit:]
    return "".join(pieces)


def in_frames(stacks, first, last, command):
    """Runs a command in each of these frames of the stacks; shows the frames."""
    text = ""
    offset = 0
    for stack in stacks:
        with stack:
            low = max(first - offset, 0)
            high = min(last - offset, stack.count - 1)
            if low <= high:
                shift = stack.skipped
                what = "frame apply level %d-%d %s" % (low + shift, high + shift, command)
                if command is None:
                    gdb.execute("select-frame level %d" % (low + shift))
                    what = "frame"
                text += renumber(gdb.execute(what, to_string=True), offset - shift)
            offset += stack.count
    if first >= offset:
        raise gdb.GdbError("The task has %d frames." % offset)
    return text


def in_stacks(stacks, command):
    """Runs a command of gdb on the frames of a task. Returns what it prints."""
    match = BACKTRACE.match(command)
    if match:
        return backtrace(stacks, match.group(1))
    match = FRAME_N.match(command)
    if match:
        level = int(match.group(1))
        return in_frames(stacks, level, level, None)
    match = FRAME_APPLY.match(command)
    if match:
        every, first, last, count, inner = match.groups()
        if every:
            return in_frames(stacks, 0, MOST, inner)
        if count:
            return in_frames(stacks, 0, int(count) - 1, inner)
        return in_frames(stacks, int(first), int(last or first), inner)
    with stacks[0] as stack:
        return renumber(gdb.execute(command, to_string=True), -stack.skipped)


RESUMES = re.compile(
    r"(c|continue|s|step|si|stepi|n|next|ni|nexti|fin|finish|u|until|advance|j|jump|r|run|start|"
    r"k|kill|detach|call|signal|return)\b"
)


def run_in_task(task, command):
    """Prints what a command of gdb says in a task."""
    if RESUMES.match(command) and not task.runs:
        raise gdb.GdbError("The task is suspended: only commands that look at it can be used.")
    with Selection(), Setting("backtrace past-main", "on"):
        if task.runs:
            thread = task.loop.thread()
            if not thread:
                raise gdb.GdbError("The thread of the task is not there.")
            thread.switch()
        if task.lost:
            raise gdb.GdbError(
                "The core file lacks the task's stack. That is so if gcore made it and the "
                "program was started without CORO_GUARD=mprotect; coro gcore writes all."
            )
        stacks = stacks_of(task)
        if not stacks:
            raise gdb.GdbError("The task %s: it has no stack." % task.doing())
        gdb.write(in_stacks(stacks, command))


# -- core files


class Core:
    """A core file that gdb has written."""

    LOAD = 1  # a segment with memory
    CHUNK = 64 * 1024

    def __init__(self, path, memory):
        self.memory = memory
        self.file = open(path, "r+b")
        header = self.file.read(64)
        if header[:5] != b"\x7fELF\x02":
            raise gdb.GdbError("coro gcore knows core files of 64 bits only.")
        offset = struct.unpack_from(memory.order + "Q", header, 32)[0]
        size, count = struct.unpack_from(memory.order + "HH", header, 54)
        self.file.seek(offset)
        entries = [self.file.read(size) for _ in range(count)]
        fields = [struct.unpack(memory.order + "IIQQQQQQ", entry[:56]) for entry in entries]
        self.segments = [(f[3], f[5], f[2]) for f in fields if f[0] == self.LOAD]

    def fill_from(self, address):
        """Writes what can be read of the segment, from an address to its end. Returns the bytes."""
        filled = 0
        for start, size, offset in self.segments:
            if not start <= address < start + size:
                continue
            for at in range(address, start + size, self.CHUNK):
                end = min(at + self.CHUNK, start + size)
                filled += self.copy(at, end, offset - start)
        return filled

    def copy(self, at, end, delta, step=4096):
        """Copies memory, page by page where not all can be read. Zeros are in the file already."""
        try:
            content = self.memory.read(at, end - at)
        except gdb.MemoryError:
            if end - at <= step:
                return 0
            return sum(self.copy(page, min(page + step, end), delta) for page in range(at, end, step))
        if content.count(0) < len(content):
            self.file.seek(at + delta)
            self.file.write(content)
        return end - at


def write_core(path):
    """
    gcore, which gives a mapping up where it meets memory that cannot be read, as a guard between
    stacks; then the rest of those mappings.
    """
    process = gdb.selected_inferior()
    if not process.pid or connection_type() == "core":
        raise gdb.GdbError("coro gcore needs a live process.")
    path = path or "core.%d" % process.pid
    said = gdb.execute("gcore " + path, to_string=True)
    failed = re.findall(r"Memory read failed for corefile section, \d+ bytes at (0x[0-9a-f]+)", said)
    core = Core(path, Memory())
    with core.file:
        for address in failed:
            core.fill_from(int(address, 16))
    gdb.write("Saved corefile %s\n" % path)


# -- the commands


class InfoCoro(gdb.Command):
    """Lists the loops of the program and their tasks that are not done.

Usage: info coro [-all]

For each task: its number and name, what it waits in, and by which line and task it was spawned.
A * marks tasks that run. -all lists tasks of the library itself too, and coroutines and generators
that have a stack, by their address."""

    def __init__(self):
        super().__init__("info coro", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        self.dont_repeat()
        if argument not in ("", "-all"):
            raise gdb.GdbError("Usage: info coro [-all]")
        everything = argument == "-all"
        try:
            loops = find_loops()
            if not loops:
                gdb.write("No loops.\n")
            for loop in loops:
                tasks = [task for name in LISTS[: 1 + everything] for task in loop.tasks(name)]
                show(loops, loop, "task", tasks)
            for loop in loops if everything else []:
                if loop.shows_thread(loops):
                    show(loops, loop, "coroutine", list(loop.coroutines()))
        except gdb.error as error:
            raise gdb.GdbError(str(error))


def show(loops, loop, what, entries):
    """Lists tasks, or coroutines, of a loop's thread."""
    thread = loop.thread()
    where = "thread %d" % thread.num if thread else "thread of LWP %d" % loop.tid
    if what == "task":
        where = "Loop %d, %s" % (loop.number, where)
    count = "%d %s%s" % (len(entries), what, "" if len(entries) == 1 else "s")
    gdb.write("%s: %s\n" % (where[0].upper() + where[1:], count))
    rows = [(e.id(loops), e.name() or "", e.doing(), e.origin()) for e in entries]
    widths = [max([len(row[i]) for row in rows], default=0) for i in range(3)]
    widths[2] = min(widths[2], 40)
    for entry, row in zip(entries, rows):
        mark = "*" if entry.runs else " "
        cells = (widths[0], row[0], widths[1], row[1], widths[2], row[2], row[3])
        gdb.write(("%s %*s  %-*s  %-*s  %s" % ((mark,) + cells)).rstrip() + "\n")


class Coro(gdb.Command):
    """Runs a command of gdb in a task.

Usage: coro N [COMMAND]
       coro apply all|N... COMMAND
       coro gcore [FILE]

N is a number that "info coro" lists, or L.N for task N of loop L; 0 is who runs the loop. It may be
the address of a coroutine that "info coro -all" lists. Without a command it says what the
task does, and shows its backtrace. COMMAND may be bt with its options, frame N, frame apply, info
locals, print, and whatever else looks at a frame. The task may be suspended, or run.
The program is not changed. gcore of gdb may leave the stacks of tasks out; coro gcore does not."""

    def __init__(self):
        super().__init__("coro", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        self.dont_repeat()
        try:
            self.run(argument)
        except gdb.error as error:
            raise gdb.GdbError(str(error))

    def run(self, argument):
        words = argument.split(None, 1)
        if not words:
            raise gdb.GdbError("Usage: coro N [COMMAND], or coro apply all|N... COMMAND")
        if words[0] == "apply":
            self.apply(words[1] if len(words) > 1 else "")
            return
        if words[0] == "gcore":
            write_core(words[1] if len(words) > 1 else None)
            return
        loops = find_loops()
        task = find_task(loops, words[0])
        if len(words) > 1:
            run_in_task(task, words[1])
        else:
            gdb.write(task.title(loops) + "\n")
            run_in_task(task, "bt")

    def apply(self, argument):
        match = re.match(r"(all|\d[\d. ]*?)\s+(?!\d)(.+)$", argument, re.S)
        if not match:
            raise gdb.GdbError("Usage: coro apply all|N... COMMAND")
        loops = find_loops()
        if match.group(1) == "all":
            tasks = [task for loop in loops for task in loop.tasks()]
        else:
            tasks = [find_task(loops, text) for text in match.group(1).split()]
        for task in tasks:
            gdb.write("\n" + task.title(loops) + "\n")
            try:
                run_in_task(task, match.group(2))
            except (gdb.error, gdb.GdbError) as error:
                gdb.write("%s\n" % error)


InfoCoro()
Coro()
