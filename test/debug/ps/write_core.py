#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Core files of programs that qemu's emulators run, as coro-ps wants them.

name CORE MAPS                 adds to a core file of qemu's which files were mapped, NT_FILE
write PROGRAM PID MAPS CORE    writes one, for an emulator that writes none; without registers of threads.
                               The emulator must have the program's memory at the program's addresses

MAPS is what the program has read from /proc/self/maps.
"""

import re
import struct
import sys

NT_FILE = 0x46494C45
PT_LOAD, PT_NOTE = 1, 4
ET_CORE = 4
PAGE = 4096


class Format:
    """Of an ELF file: how many bits, and in which order of bytes."""

    def __init__(self, ident):
        self.order = "<" if ident[5] == 1 else ">"
        self.wide = ident[4] == 2
        self.word = "Q" if self.wide else "I"
        # In the header of the file: e_phoff; e_phentsize and e_phnum.
        self.phoff, self.phsizes = (32, 54) if self.wide else (28, 42)

    def pack(self, format, *values):
        return struct.pack(self.order + format.replace("W", self.word), *values)

    def unpack(self, format, data, at):
        return struct.unpack_from(self.order + format.replace("W", self.word), data, at)

    def header(self, type, flags, offset, size, address=0):
        """A program header."""
        if self.wide:
            return self.pack("IIQQQQQQ", type, flags, offset, address, 0, size, size, 4)
        return self.pack("IIIIIIII", type, offset, address, 0, size, size, flags, 4)


class Mapping:
    def __init__(self, line):
        words = line.split(None, 5)
        self.start, self.end = (int(word, 16) for word in words[0].split("-"))
        self.flags = sum(bit for bit, right in ((4, "r"), (2, "w"), (1, "x")) if right in words[1])
        self.offset = int(words[2], 16)
        self.path = words[5].strip() if len(words) > 5 else ""


def note_of_files(format, mappings):
    files = [mapping for mapping in mappings if mapping.path.startswith("/")]
    body = format.pack("WW", len(files), PAGE)
    for mapping in files:
        body += format.pack("WWW", mapping.start, mapping.end, mapping.offset // PAGE)
    body += b"".join(mapping.path.encode() + b"\0" for mapping in files)
    body += b"\0" * (-len(body) % 4)
    return format.pack("III", 5, len(body), NT_FILE) + b"CORE\0\0\0\0" + body


def finish(format, data, headers, path):
    """Puts the program headers at the end, and tells where they are."""
    data += b"\0" * (-len(data) % 8)
    size = len(format.header(0, 0, 0, 0))
    data[format.phoff : format.phoff + struct.calcsize(format.word)] = format.pack("W", len(data))
    data[format.phsizes : format.phsizes + 4] = format.pack("HH", size, len(headers) // size)
    with open(path, "wb") as file:
        file.write(data + headers)


def add_note(format, data, mappings):
    """Adds the note. Returns its program header."""
    data += b"\0" * (-len(data) % 8)
    note = note_of_files(format, mappings)
    header = format.header(PT_NOTE, 0, len(data), len(note))
    data += note
    return header


def name(core, maps):
    data = bytearray(open(core, "rb").read())
    format = Format(data)
    (at,) = format.unpack("W", data, format.phoff)
    size, count = format.unpack("HH", data, format.phsizes)
    headers = data[at : at + size * count]
    headers += add_note(format, data, [Mapping(line) for line in open(maps)])
    finish(format, data, headers, core)


def write(program, pid, maps, core):
    data = bytearray(open(program, "rb").read(64))
    format = Format(data)
    data[16:18] = format.pack("H", ET_CORE)
    mappings = [Mapping(line) for line in open(maps)]
    headers = add_note(format, data, mappings)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for mapping in mappings:
            if not mapping.flags & 4:
                continue
            memory.seek(mapping.start)
            size = mapping.end - mapping.start
            try:
                bytes = memory.read(size)
            except OSError:
                continue
            headers += format.header(PT_LOAD, mapping.flags, len(data), len(bytes), mapping.start)
            data += bytes
    finish(format, data, headers, core)


{"name": name, "write": write}[sys.argv[1]](*sys.argv[2:])
