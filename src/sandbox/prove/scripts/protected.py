# `.git/hooks` is protected and does not exist yet; `.git/config` is protected and does. All of it is tried, since what
# is taken over outside is what counts.
worked = []

def also(what, function, *arguments):
    try:
        function(*arguments)
        worked.append(what)
    except OSError as error:
        note(error.errno)

def append(path):
    with open(path, "a") as file:
        file.write("changed\n")

def link_over(path):
    if not os.path.islink("elsewhere"):
        os.symlink("/tmp/elsewhere", "elsewhere")
    os.rename("elsewhere", path)

also("write to a protected file", append, ".git/config")
also("change the mode of a protected file", os.chmod, ".git/config", 0o777)
also("write to it by another name", lambda: (os.link(".git/config", "same"), append("same")))
also("put a link in its place", link_over, ".git/config")
also("remove it", os.unlink, ".git/config")
also("remove what stands for a protected folder", os.unlink, ".git/hooks")
also("put a link in its place", link_over, ".git/hooks")
also("make a protected folder", os.mkdir, ".git/hooks")
also("make a file in it", append, ".git/hooks/pre-commit")
also("move the folder above away and make another",
     lambda: (os.rename(".git", "moved"), os.makedirs(".git/hooks"), append(".git/hooks/pre-commit")))
if worked:
    escaped(", ".join(worked))
blocked()
