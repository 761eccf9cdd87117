# What Landlock does not look at: modes, times and attributes of files that cannot be opened.
target = folder + "/untouched"
done("change the mode of " + target, os.chmod, target, 0o600)
done("change the times of " + target, os.utime, target, (1, 1))
done("touch " + target, os.utime, target)
done("change the owner of " + target, os.chown, target, os.getuid(), os.getgid())
done("set an attribute of " + target, os.setxattr, target, "user.prove", b"1")
# By way of a descriptor that opens nothing, and of a link.
try:
    opened = os.open(target, os.O_PATH)
    done("change the mode by a descriptor", os.chmod, "/proc/self/fd/%d" % opened, 0o600)
    call("fchmodat2", opened, b"", 0o600, 0x1000) is not None and escaped("change the mode by an empty path")
except OSError as error:
    note(error.errno)
try:
    os.symlink(target, "metadata")
    done("change the mode by a link", os.chmod, "metadata", 0o600)
    os.unlink("metadata")
except OSError as error:
    note(error.errno)
blocked()
