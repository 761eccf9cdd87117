# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_agentscope_global_optspecs
    string join \n color= offline h/help V/version
end

function __fish_agentscope_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_agentscope_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_agentscope_using_subcommand
    set -l cmd (__fish_agentscope_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c agentscope -n "__fish_agentscope_needs_command" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_needs_command" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_needs_command" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "build" -d 'Make an OCI image of an agent, without Docker'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "chat" -d 'Talk to an agent: one message with -q, else a conversation'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "deploy" -d 'Deploy an agent: to this machine, to containers of Docker, or to a Kubernetes cluster, with Knative or without'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "doctor" -d 'Show what this machine can do, what is missing, and how to mend it'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "import" -d 'Turn a docker agent YAML or an .mcp.json into an agent file'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "init" -d 'Make a new agent project'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "invoke" -d 'Say one thing to a deployment, and print the answer'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "list" -d 'List what is deployed, as the targets say'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "logs" -d 'Show what a deployment writes'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "man" -d 'Print the man page, or write those of all verbs into a folder'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "mcp" -d 'See, test and log in to the MCP servers of an agent; be one'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "models" -d 'List the model providers, which keys were found, and the model servers on this machine'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "rm" -d 'Remove a deployment with all its revisions'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "rollback" -d 'Let an earlier revision of a deployment run again'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "run" -d 'Serve an agent over HTTP'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "sandbox" -d 'Run programs in isolation; see and control every sandbox'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "schema" -d 'Print the JSON Schema of the agent file, for editors'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "session" -d 'List, read, copy and delete earlier conversations; show and undo what they changed'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "setup" -d 'Choose a model provider, find keys and local model servers, store a key'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "status" -d 'Show how a deployment is and which revisions it has, as its target says'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "stop" -d 'Stop a deployment; its revisions and what it keeps stay, and `deploy` starts it again'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "tools" -d 'List the tools of an agent: where each comes from, where it runs, and whether it may change anything'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "validate" -d 'Check an agent file: every error at once, with line and column'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "web" -d 'Serve an agent with a page for browsers on /'
complete -c agentscope -n "__fish_agentscope_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -l output-oci -d 'Write an OCI image layout here: a tar where it ends in .tar, a folder otherwise' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -l push -d 'Send the image to this repository of a registry, HOST/PATH[:TAG], with the login of Docker' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -l tag -d 'What the container engine calls the image [default: agentscope/NAME:HASH]' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -l base -d 'Begin with this image of a registry, HOST/PATH[:TAG], as one that has Python or Node.js [default: nothing at all]' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -l revision -d 'The revision of the sources, such as a commit, for the labels of the image' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -l runtime-binary -d 'A static agentscope of this version for Linux; also AGENTSCOPE_RUNTIME_BINARY [default: itself]' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -s o -l output -d 'The form of the result' -r -f -a "text\t'The name of the image'
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand build" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -s q -l query -d 'Send one message, print the answer and end; `-` reads it from standard input' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -s f -l file -d 'Attach a text file or an image to the first message; `-` is standard input' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -s m -l model -d 'Use this model: PROVIDER/MODEL, or a name of the agent file' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -l session-id -d 'Go on with this session, or begin it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -l user-id -d 'Whose session it is; the user of the operating system where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -s w -l workspace -d 'What the agent\'s programs may do with the current folder, or the one of the agent file' -r -f -a "rw\t'Read and write the folder itself'
ro\t'Read it'
copy\t'Read and write a private copy'
none\t'A private empty folder instead'"
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -s o -l output -d 'The form of the answer' -r -f -a "text\t'The answer as it comes; tools and warnings on standard error'
json\t'One JSON document at the end'
stream-json\t'One JSON event a line, as it happens'"
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -l approve -d 'What becomes of a tool call that has to be asked about; off a terminal `permissions.unattended` decides' -r -f -a "ask\t'Ask, where somebody can be asked'
auto\t'Allow it; what a rule denies stays denied'
deny\t'Refuse it; the exit code is then 3'
plan\t'Refuse everything that writes'"
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -l continue -d 'Go on with the last session of this agent'
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -l plain -d 'Line by line, without drawing on the screen; without a terminal each line of standard input is a message, or the answer to what is asked when its turn comes'
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand chat" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand completions" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand completions" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand completions" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l mode -d 'The same as TARGET' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l name -d 'The name of the deployment [default: that of the agent]' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -s E -l env -d 'Give the agent this variable; may be given several times' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l env-file -d 'Give the agent the variables of this file' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l port -d 'The port of the host [default: the one it has, else the next that is free]' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l host -d 'The address of the host that callers may come by [default: 127.0.0.1]' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l registry -d 'Send the image to this place of a registry, HOST/PATH, which a cluster can pull from; also `deploy.registry`' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l base -d 'Begin the image with this one of a registry, HOST/PATH[:TAG] [default: nothing at all]' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l traffic -d 'For knative: percent of the calls that the revision gets; also `deploy.knative.traffic` [default: 100]' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l timeout -d 'How long the new revision may take until it answers, in seconds' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l runtime-binary -d 'A static agentscope of this version for Linux; also AGENTSCOPE_RUNTIME_BINARY [default: itself]' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -s o -l output -d 'The form of the result' -r -f -a "text\t''
yaml\t'One YAML document'
json\t'One JSON document'
markdown\t'For a comment on a change'"
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l plan -l dry-run -d 'Only show what would be done'
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l detailed-exitcode -d 'With --plan: exit with 10 where there are changes'
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l wait -d 'Wait also where nothing changes, until what is there answers; a new revision is waited for in any case'
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand deploy" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand doctor" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand doctor" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand doctor" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand doctor" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand doctor" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand import" -s o -l output -d 'Write the agent file here instead of to standard output' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand import" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand import" -l force -d 'Overwrite a file that exists'
complete -c agentscope -n "__fish_agentscope_using_subcommand import" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand import" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand init" -l template -d 'What to begin with; `--list` shows what there is' -r -f -a "quickstart\t''
research-team\t''
coding\t''
mcp\t''
structured\t''
http-tools\t''"
complete -c agentscope -n "__fish_agentscope_using_subcommand init" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand init" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand init" -l list -d 'List the templates, and make nothing'
complete -c agentscope -n "__fish_agentscope_using_subcommand init" -l force -d 'Overwrite files that exist'
complete -c agentscope -n "__fish_agentscope_using_subcommand init" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand init" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand invoke" -s q -l query -d 'What to say' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand invoke" -l session-id -d 'Go on with this session, or begin it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand invoke" -l user-id -d 'Whose session it is' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand invoke" -s o -l output -d 'The form of the answer' -r -f -a "text\t'The answer as it comes; tools and warnings on standard error'
json\t'One JSON document at the end'
stream-json\t'One JSON event a line, as it happens'"
complete -c agentscope -n "__fish_agentscope_using_subcommand invoke" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand invoke" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand invoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand invoke" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand list" -l target -d 'Ask this one alone; that it does not answer is an error then' -r -f -a "local\t''
docker\t''
kubernetes\t''
knative\t''"
complete -c agentscope -n "__fish_agentscope_using_subcommand list" -s o -l output -d 'The form of the list' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand list" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand list" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand logs" -l tail -d 'Only the last lines' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand logs" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand logs" -s f -l follow -d 'Go on with what it writes from now on'
complete -c agentscope -n "__fish_agentscope_using_subcommand logs" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand logs" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand man" -l output -d 'Write one page a verb into this folder' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand man" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand man" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand man" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and not __fish_seen_subcommand_from list login logout serve test help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and not __fish_seen_subcommand_from list login logout serve test help" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and not __fish_seen_subcommand_from list login logout serve test help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and not __fish_seen_subcommand_from list login logout serve test help" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and not __fish_seen_subcommand_from list login logout serve test help" -f -a "list" -d 'List the MCP servers of an agent; starts none of them'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and not __fish_seen_subcommand_from list login logout serve test help" -f -a "login" -d 'Log in to an MCP server that wants OAuth'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and not __fish_seen_subcommand_from list login logout serve test help" -f -a "logout" -d 'Forget the tokens of an MCP server'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and not __fish_seen_subcommand_from list login logout serve test help" -f -a "serve" -d 'Serve an agent and its tools to one MCP client on standard input and output'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and not __fish_seen_subcommand_from list login logout serve test help" -f -a "test" -d 'Connect to MCP servers, list their tools, and say what is wrong'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and not __fish_seen_subcommand_from list login logout serve test help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from list" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from list" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from list" -s o -l output -d 'The form of the list' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from list" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from login" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from login" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from login" -l scope -d 'Ask for this scope, besides those of an earlier login; may be repeated' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from login" -l client-id -d 'Log in as this client, which the authorisation server knows already' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from login" -l client-secret-env -d 'The environment variable that holds the secret of the client' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from login" -l client-metadata -d 'The https address of a document that describes the client, for servers that take one as its id' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from login" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from login" -l no-browser -d 'Print the address to open, and take the address that the browser ends up at from standard input'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from login" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from login" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from logout" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from logout" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from logout" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from logout" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from logout" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from serve" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from serve" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from serve" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from serve" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from serve" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l call -d 'Call this tool' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l arguments -d 'What to call it with, as a JSON object' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l token-env -d 'The environment variable that holds a token for the server at this address' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l scope -d 'Ask for this scope, besides those of an earlier login; may be repeated' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l client-id -d 'Log in as this client, which the authorisation server knows already' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l client-secret-env -d 'The environment variable that holds the secret of the client' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l client-metadata -d 'The https address of a document that describes the client, for servers that take one as its id' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l all -d 'Test every server of the agent'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l defaults -d 'Answer what the server asks with the defaults of its forms'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l login -d 'Log in on the way where the server wants it, as `mcp login` does'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l no-browser -d 'Print the address to open, and take the address that the browser ends up at from standard input'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from test" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the MCP servers of an agent; starts none of them'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from help" -f -a "login" -d 'Log in to an MCP server that wants OAuth'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from help" -f -a "logout" -d 'Forget the tokens of an MCP server'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from help" -f -a "serve" -d 'Serve an agent and its tools to one MCP client on standard input and output'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from help" -f -a "test" -d 'Connect to MCP servers, list their tools, and say what is wrong'
complete -c agentscope -n "__fish_agentscope_using_subcommand mcp; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c agentscope -n "__fish_agentscope_using_subcommand models" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand models" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand models" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand models" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand models" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand rm" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand rm" -l purge -d 'Remove what it kept, too, and its images'
complete -c agentscope -n "__fish_agentscope_using_subcommand rm" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand rm" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand rollback" -l to -d 'This revision [default: the one before]' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand rollback" -l timeout -d 'How long it may take until it answers, in seconds' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand rollback" -s o -l output -d 'The form of the result' -r -f -a "text\t''
yaml\t'One YAML document'
json\t'One JSON document'
markdown\t'For a comment on a change'"
complete -c agentscope -n "__fish_agentscope_using_subcommand rollback" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand rollback" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand rollback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand rollback" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand run" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand run" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand run" -l host -d 'The address to listen on' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand run" -s p -l port -d 'The port to listen on; 0 is any that is free' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand run" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand run" -l insecure -d 'Listen beyond this machine without asking callers for a token'
complete -c agentscope -n "__fish_agentscope_using_subcommand run" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand run" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "build" -d 'Make an image with packages, without a Dockerfile, and print its name'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "cp" -d 'Copy files and folders into a sandbox that runs, or out of one'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "create" -d 'Make a sandbox that stays, and print its id'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "doctor" -d 'Show what isolation this machine offers, layer by layer, and how to get more'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "exec" -d 'Run a program in a sandbox that runs'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "inspect" -d 'Show all that is known of a sandbox: what it is made of, what holds it in, what it uses'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "list" -d 'Show the sandboxes there are; as root, those of every user'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "logs" -d 'Show what the daemon of a sandbox says, or who did what in which sandbox'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "pause" -d 'Freeze every process of sandboxes; memory stays'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "prune" -d 'Delete stopped sandboxes and what processes that were killed left behind, and print the ids'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "renew" -d 'Let running sandboxes live longer'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "resume" -d 'Let the processes of paused sandboxes go on'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "rm" -d 'Delete sandboxes, running or not, and their private workspaces'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "run" -d 'Run one program in a sandbox of its own, which is gone afterwards'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "shell" -d 'Open a shell in a sandbox that runs'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "stop" -d 'End every process of sandboxes; their workspaces stay'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and not __fish_seen_subcommand_from build cp create doctor exec inspect list logs pause prune renew resume rm run shell stop help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from build" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from build" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from build" -l image -d 'The image to begin with [default: that of the agent file, else python:3.13-slim]' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from build" -l python -d 'Install this with pip, besides what the agent file names; may be given several times' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from build" -l system -d 'Install this with the package manager of the image: apt, apk, dnf or microdnf' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from build" -l name -d 'Also give the image this name' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from build" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from build" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from build" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from build" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from build" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from cp" -s o -l output -d 'How to say what was copied: not at all, or as JSON' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from cp" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from cp" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from cp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from cp" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l backend -d 'Who makes it; `auto` is `local`, else `docker`' -r -f -a "auto\t''
local\t'Namespaces, landlock and seccomp of this machine\'s kernel'
docker\t'A container'
gvisor\t'A container whose system calls gVisor answers'
host\t'No isolation at all'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l image -d 'The image, for backends with images; with `auto`, `docker` is chosen' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l runtime-binary -d 'For containers: a static agentscope of this version for Linux; also AGENTSCOPE_RUNTIME_BINARY [default: itself]' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l type -d 'What is in it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -s w -l dir -d 'The folder that programs see as /workspace: a private copy of it, unless --workspace says otherwise' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l workspace -d 'What programs may do with the folder, which is the current one without -w' -r -f -a "rw\t'Read and write the folder itself'
ro\t'Read it'
copy\t'Read and write a private copy'
none\t'A private empty folder instead'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l mount -d 'Also show this inside: HOST_PATH:PATH or HOST_PATH:PATH:ro' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l net -d 'The network: none, full, or the hosts that may be reached, with commas between them' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l memory -d 'Memory, such as 512Mi' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l cpus -d 'Processors, such as 0.5 or 2' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l pids -d 'Most processes at once' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l disk -d 'Most bytes written to the workspace and /tmp, such as 1Gi' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l python-package -d 'A Python package for programs to import, such as pandas or \'pandas>=2\': installed once, with network' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -s e -l env -d 'A variable for the programs; without a value, the one of this shell' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l min-tier -d 'Refuse to start with less isolation than this' -r -f -a "A\t''
B\t''"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l label -d 'A label to choose it by later' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l idle-timeout -d 'Let it end after so long without a call; 0 for never [default: 5m]' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l max-age -d 'Let it end after so long however busy it is; 0 for never [default: 24h]' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l max-count -d 'Refuse where so many are there already' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from create" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l backend -d 'Only in one of this backend' -r -f -a "auto\t''
local\t'Namespaces, landlock and seccomp of this machine\'s kernel'
docker\t'A container'
gvisor\t'A container whose system calls gVisor answers'
host\t'No isolation at all'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l image -d 'For backends with images: this one, which has Python, instead of the default' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l prove -d 'Try to get out, in a sandbox of each backend with isolation that can be used here'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s e -l env -d 'A variable for the program; without a value, the one of this shell' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s w -l cwd -d 'Start it in this folder, below /workspace if relative' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -l timeout -d 'Kill it after so long' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s i -l interactive -d 'Give it our standard input'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s t -l tty -d 'Give it a terminal'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from inspect" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from inspect" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from inspect" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from inspect" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from list" -l label -d 'Only those with this label' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from list" -l state -d 'Only those in this state' -r -f -a "starting\t''
running\t''
paused\t''
stopped\t''
unknown\t'Its backend does not answer'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from list" -l session -d 'Only that of this chat session' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from list" -s o -l output -d 'The form of the list' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from list" -s a -l all -d 'Those that are stopped, too'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from list" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -s o -l output -d 'The form of --audit: text, or a JSON array; with -f, JSON lines' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -l audit -d 'Who did what: of one sandbox, or of all'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -s f -l follow -d 'Go on as more comes, until the sandbox ends; without an ID, until Ctrl-C'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from pause" -l label -d 'Only those with this label' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from pause" -l state -d 'Only those in this state' -r -f -a "starting\t''
running\t''
paused\t''
stopped\t''
unknown\t'Its backend does not answer'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from pause" -l session -d 'Only that of this chat session' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from pause" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from pause" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from pause" -l all -d 'All of them'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from pause" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from pause" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -l older-than -d 'Only those that were not used for so long, such as 30d or 12h' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -l dry-run -d 'Only say which ones'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from renew" -l label -d 'Only those with this label' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from renew" -l state -d 'Only those in this state' -r -f -a "starting\t''
running\t''
paused\t''
stopped\t''
unknown\t'Its backend does not answer'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from renew" -l session -d 'Only that of this chat session' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from renew" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from renew" -l for -d 'How long from now on' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from renew" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from renew" -l all -d 'All of them'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from renew" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from renew" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from renew" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from resume" -l label -d 'Only those with this label' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from resume" -l state -d 'Only those in this state' -r -f -a "starting\t''
running\t''
paused\t''
stopped\t''
unknown\t'Its backend does not answer'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from resume" -l session -d 'Only that of this chat session' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from resume" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from resume" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from resume" -l all -d 'All of them'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from resume" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from resume" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l label -d 'Only those with this label' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l state -d 'Only those in this state' -r -f -a "starting\t''
running\t''
paused\t''
stopped\t''
unknown\t'Its backend does not answer'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l session -d 'Only that of this chat session' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l all -d 'All of them'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l backend -d 'Who makes it; `auto` is `local`, else `docker`' -r -f -a "auto\t''
local\t'Namespaces, landlock and seccomp of this machine\'s kernel'
docker\t'A container'
gvisor\t'A container whose system calls gVisor answers'
host\t'No isolation at all'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l image -d 'The image, for backends with images; with `auto`, `docker` is chosen' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l runtime-binary -d 'For containers: a static agentscope of this version for Linux; also AGENTSCOPE_RUNTIME_BINARY [default: itself]' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l type -d 'What is in it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -s w -l dir -d 'The folder that programs see as /workspace: a private copy of it, unless --workspace says otherwise' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l workspace -d 'What programs may do with the folder, which is the current one without -w' -r -f -a "rw\t'Read and write the folder itself'
ro\t'Read it'
copy\t'Read and write a private copy'
none\t'A private empty folder instead'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l mount -d 'Also show this inside: HOST_PATH:PATH or HOST_PATH:PATH:ro' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l net -d 'The network: none, full, or the hosts that may be reached, with commas between them' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l memory -d 'Memory, such as 512Mi' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l cpus -d 'Processors, such as 0.5 or 2' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l pids -d 'Most processes at once' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l disk -d 'Most bytes written to the workspace and /tmp, such as 1Gi' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l python-package -d 'A Python package for programs to import, such as pandas or \'pandas>=2\': installed once, with network' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -s e -l env -d 'A variable for the programs; without a value, the one of this shell' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l min-tier -d 'Refuse to start with less isolation than this' -r -f -a "A\t''
B\t''"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l label -d 'A label to choose it by later' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l timeout -d 'Kill it after so long' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -s t -l tty -d 'Give it a terminal'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from run" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from shell" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from shell" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from shell" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from shell" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l label -d 'Only those with this label' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l state -d 'Only those in this state' -r -f -a "starting\t''
running\t''
paused\t''
stopped\t''
unknown\t'Its backend does not answer'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l session -d 'Only that of this chat session' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l all -d 'All of them'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "build" -d 'Make an image with packages, without a Dockerfile, and print its name'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "cp" -d 'Copy files and folders into a sandbox that runs, or out of one'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make a sandbox that stays, and print its id'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "doctor" -d 'Show what isolation this machine offers, layer by layer, and how to get more'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "exec" -d 'Run a program in a sandbox that runs'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "inspect" -d 'Show all that is known of a sandbox: what it is made of, what holds it in, what it uses'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show the sandboxes there are; as root, those of every user'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "logs" -d 'Show what the daemon of a sandbox says, or who did what in which sandbox'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "pause" -d 'Freeze every process of sandboxes; memory stays'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Delete stopped sandboxes and what processes that were killed left behind, and print the ids'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "renew" -d 'Let running sandboxes live longer'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "resume" -d 'Let the processes of paused sandboxes go on'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Delete sandboxes, running or not, and their private workspaces'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "run" -d 'Run one program in a sandbox of its own, which is gone afterwards'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "shell" -d 'Open a shell in a sandbox that runs'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "stop" -d 'End every process of sandboxes; their workspaces stay'
complete -c agentscope -n "__fish_agentscope_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c agentscope -n "__fish_agentscope_using_subcommand schema" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand schema" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand schema" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -l user-id -l user -d 'Whose sessions; your own where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -f -a "diff" -d 'Show what a session changed in its workspace, from before its first change to now'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -f -a "export" -d 'Write a whole conversation as Markdown or JSON'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -f -a "fork" -d 'Copy a session, or its beginning, and print the id of the copy'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -f -a "list" -d 'Show the sessions there are, last used first'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -f -a "prune" -d 'Delete the sessions that were not used for a while, and print their ids'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -f -a "rename" -d 'Give a session a title'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -f -a "rm" -d 'Delete sessions'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -f -a "show" -d 'Print a conversation, with its tool calls in one line each'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -f -a "undo" -d 'Take back what a session changed in its workspace'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and not __fish_seen_subcommand_from diff export fork list prune rename rm show undo help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from diff" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from diff" -l user-id -l user -d 'Whose sessions; your own where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from diff" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from diff" -l apply -d 'Take what was changed in the session\'s private copy into the folder; `undo` takes it back'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from diff" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from diff" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from export" -s o -l output -d 'The form of the conversation' -r -f -a "md\t'Markdown, for people'
json\t'Everything that is kept, for programs'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from export" -l file -d 'Write into this file, which must not be there yet, rather than to standard output' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from export" -l user-id -l user -d 'Whose sessions; your own where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from export" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from export" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from export" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from fork" -l at -d 'Copy only the first N messages' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from fork" -l user-id -l user -d 'Whose sessions; your own where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from fork" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from fork" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from fork" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from fork" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from list" -l agent -d 'Only those of the agent of this name' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from list" -s o -l output -d 'The form of the list' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from list" -l user-id -l user -d 'Whose sessions; your own where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from list" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from prune" -l older-than -d 'How long, such as 30d or 12h' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from prune" -l user-id -l user -d 'Whose sessions; your own where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from prune" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from prune" -l dry-run -d 'Only say which ones'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from prune" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from prune" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from rename" -l user-id -l user -d 'Whose sessions; your own where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from rename" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from rename" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from rename" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from rename" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from rm" -l user-id -l user -d 'Whose sessions; your own where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from rm" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from rm" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from show" -l user-id -l user -d 'Whose sessions; your own where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from show" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from show" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from undo" -l to -d 'Only back to before call N; `session diff -o json` has the numbers' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from undo" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from undo" -l user-id -l user -d 'Whose sessions; your own where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from undo" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from undo" -l force -d 'Also what you changed since'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from undo" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from undo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from undo" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Show what a session changed in its workspace, from before its first change to now'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write a whole conversation as Markdown or JSON'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "fork" -d 'Copy a session, or its beginning, and print the id of the copy'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show the sessions there are, last used first'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Delete the sessions that were not used for a while, and print their ids'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "rename" -d 'Give a session a title'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Delete sessions'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print a conversation, with its tool calls in one line each'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "undo" -d 'Take back what a session changed in its workspace'
complete -c agentscope -n "__fish_agentscope_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c agentscope -n "__fish_agentscope_using_subcommand setup" -l provider -d 'The provider to use' -r -f -a "openai\t''
openai-responses\t''
anthropic\t''
dashscope\t''
gemini\t''
deepseek\t''
moonshot\t''
ollama\t''
lmstudio\t''
llamacpp\t''
vllm\t''
openai-compatible\t''
demo\t''"
complete -c agentscope -n "__fish_agentscope_using_subcommand setup" -l model -d 'The model to use; the provider\'s default where absent' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand setup" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand setup" -l key-stdin -d 'Read the key from standard input'
complete -c agentscope -n "__fish_agentscope_using_subcommand setup" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand setup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand setup" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand status" -l timeout -d 'How long to wait, in seconds' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand status" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand status" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand status" -l wait -d 'Wait until it runs'
complete -c agentscope -n "__fish_agentscope_using_subcommand status" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand status" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand stop" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand stop" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand stop" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand tools" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand tools" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand tools" -s o -l output -d 'The form of the list' -r -f -a "text\t''
json\t'One JSON document'"
complete -c agentscope -n "__fish_agentscope_using_subcommand tools" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand tools" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand tools" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand tools" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand validate" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand validate" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand validate" -s o -l output -d 'The form of the result' -r -f -a "text\t''
json\t'One JSON document'
github\t'Annotations for GitHub Actions'"
complete -c agentscope -n "__fish_agentscope_using_subcommand validate" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand validate" -l strict-env -d 'A variable that is not set is an error'
complete -c agentscope -n "__fish_agentscope_using_subcommand validate" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand validate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand validate" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand web" -s c -l config -d 'The same as AGENT' -r -F
complete -c agentscope -n "__fish_agentscope_using_subcommand web" -l profile -d 'Merge this profile of the agent file over it' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand web" -l host -d 'The address to listen on' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand web" -s p -l port -d 'The port to listen on; 0 is any that is free' -r
complete -c agentscope -n "__fish_agentscope_using_subcommand web" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Also into a file or a pipe'
never\t'Not even on a terminal'"
complete -c agentscope -n "__fish_agentscope_using_subcommand web" -l insecure -d 'Listen beyond this machine without asking callers for a token'
complete -c agentscope -n "__fish_agentscope_using_subcommand web" -l no-open -d 'Do not open the browser'
complete -c agentscope -n "__fish_agentscope_using_subcommand web" -l offline -d 'Refuse every call outside this machine, and say which one it was'
complete -c agentscope -n "__fish_agentscope_using_subcommand web" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c agentscope -n "__fish_agentscope_using_subcommand web" -s V -l version -d 'Print version'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "build" -d 'Make an OCI image of an agent, without Docker'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "chat" -d 'Talk to an agent: one message with -q, else a conversation'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "deploy" -d 'Deploy an agent: to this machine, to containers of Docker, or to a Kubernetes cluster, with Knative or without'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "doctor" -d 'Show what this machine can do, what is missing, and how to mend it'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "import" -d 'Turn a docker agent YAML or an .mcp.json into an agent file'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "init" -d 'Make a new agent project'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "invoke" -d 'Say one thing to a deployment, and print the answer'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "list" -d 'List what is deployed, as the targets say'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "logs" -d 'Show what a deployment writes'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "man" -d 'Print the man page, or write those of all verbs into a folder'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "mcp" -d 'See, test and log in to the MCP servers of an agent; be one'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "models" -d 'List the model providers, which keys were found, and the model servers on this machine'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "rm" -d 'Remove a deployment with all its revisions'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "rollback" -d 'Let an earlier revision of a deployment run again'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "run" -d 'Serve an agent over HTTP'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "sandbox" -d 'Run programs in isolation; see and control every sandbox'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "schema" -d 'Print the JSON Schema of the agent file, for editors'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "session" -d 'List, read, copy and delete earlier conversations; show and undo what they changed'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "setup" -d 'Choose a model provider, find keys and local model servers, store a key'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "status" -d 'Show how a deployment is and which revisions it has, as its target says'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "stop" -d 'Stop a deployment; its revisions and what it keeps stay, and `deploy` starts it again'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "tools" -d 'List the tools of an agent: where each comes from, where it runs, and whether it may change anything'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "validate" -d 'Check an agent file: every error at once, with line and column'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "web" -d 'Serve an agent with a page for browsers on /'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and not __fish_seen_subcommand_from build chat completions deploy doctor import init invoke list logs man mcp models rm rollback run sandbox schema session setup status stop tools validate web help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from mcp" -f -a "list" -d 'List the MCP servers of an agent; starts none of them'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from mcp" -f -a "login" -d 'Log in to an MCP server that wants OAuth'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from mcp" -f -a "logout" -d 'Forget the tokens of an MCP server'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from mcp" -f -a "serve" -d 'Serve an agent and its tools to one MCP client on standard input and output'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from mcp" -f -a "test" -d 'Connect to MCP servers, list their tools, and say what is wrong'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "build" -d 'Make an image with packages, without a Dockerfile, and print its name'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "cp" -d 'Copy files and folders into a sandbox that runs, or out of one'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "create" -d 'Make a sandbox that stays, and print its id'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "doctor" -d 'Show what isolation this machine offers, layer by layer, and how to get more'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "exec" -d 'Run a program in a sandbox that runs'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "inspect" -d 'Show all that is known of a sandbox: what it is made of, what holds it in, what it uses'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "list" -d 'Show the sandboxes there are; as root, those of every user'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "logs" -d 'Show what the daemon of a sandbox says, or who did what in which sandbox'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "pause" -d 'Freeze every process of sandboxes; memory stays'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "prune" -d 'Delete stopped sandboxes and what processes that were killed left behind, and print the ids'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "renew" -d 'Let running sandboxes live longer'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "resume" -d 'Let the processes of paused sandboxes go on'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "rm" -d 'Delete sandboxes, running or not, and their private workspaces'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "run" -d 'Run one program in a sandbox of its own, which is gone afterwards'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "shell" -d 'Open a shell in a sandbox that runs'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "stop" -d 'End every process of sandboxes; their workspaces stay'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "diff" -d 'Show what a session changed in its workspace, from before its first change to now'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "export" -d 'Write a whole conversation as Markdown or JSON'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "fork" -d 'Copy a session, or its beginning, and print the id of the copy'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "list" -d 'Show the sessions there are, last used first'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "prune" -d 'Delete the sessions that were not used for a while, and print their ids'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "rename" -d 'Give a session a title'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "rm" -d 'Delete sessions'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "show" -d 'Print a conversation, with its tool calls in one line each'
complete -c agentscope -n "__fish_agentscope_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "undo" -d 'Take back what a session changed in its workspace'
