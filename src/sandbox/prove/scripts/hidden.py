# `hidden` is in the workspace, and what is in it must not be seen.
def read(path):
    try:
        with open(path) as file:
            if secret in file.read():
                escaped("read a hidden file as " + path)
        note("empty")
    except OSError as error:
        note(error.errno)

def move(name, *arguments):
    try:
        getattr(os, name)(*arguments)
        read(arguments[1])
    except OSError as error:
        note(error.errno)

def exchange(one, other):
    if hasattr(libc, "renameat2") and checked(libc.renameat2(-100, one, -100, other, 2)) is not None:
        read(other.decode())

read("hidden")
read("./../workspace/hidden")
with open("new", "w") as file:
    file.write("new")
move("link", "hidden", "linked")
move("rename", "hidden", "renamed")
exchange(b"hidden", b"new")
blocked()
