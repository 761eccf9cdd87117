#compdef agentscope

autoload -U is-at-least

_agentscope() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_agentscope_commands" \
"*::: :->agentscope" \
&& ret=0
    case $state in
    (agentscope)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:agentscope-command-$line[1]:"
        case $line[1] in
            (build)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'--output-oci=[Write an OCI image layout here\: a tar where it ends in .tar, a folder otherwise]:PATH:_files' \
'--push=[Send the image to this repository of a registry, HOST/PATH\[\:TAG\], with the login of Docker]:REPOSITORY:_default' \
'(--push)--tag=[What the container engine calls the image \[default\: agentscope/NAME\:HASH\]]:NAME:TAG:_default' \
'--base=[Begin with this image of a registry, HOST/PATH\[\:TAG\], as one that has Python or Node.js \[default\: nothing at all\]]:IMAGE:_default' \
'--revision=[The revision of the sources, such as a commit, for the labels of the image]:TEXT:_default' \
'--runtime-binary=[A static agentscope of this version for Linux; also AGENTSCOPE_RUNTIME_BINARY \[default\: itself\]]:FILE:_files' \
'-o+[The form of the result]:FORM:((text\:"The name of the image"
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:"The name of the image"
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(chat)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'-q+[Send one message, print the answer and end; \`-\` reads it from standard input]:TEXT:_default' \
'--query=[Send one message, print the answer and end; \`-\` reads it from standard input]:TEXT:_default' \
'*-f+[Attach a text file or an image to the first message; \`-\` is standard input]:FILE:_files' \
'*--file=[Attach a text file or an image to the first message; \`-\` is standard input]:FILE:_files' \
'-m+[Use this model\: PROVIDER/MODEL, or a name of the agent file]:MODEL:_default' \
'--model=[Use this model\: PROVIDER/MODEL, or a name of the agent file]:MODEL:_default' \
'(--continue)--session-id=[Go on with this session, or begin it]:ID:_default' \
'--user-id=[Whose session it is; the user of the operating system where absent]:USER:_default' \
'-w+[What the agent'\''s programs may do with the current folder, or the one of the agent file]:MODE:((rw\:"Read and write the folder itself"
ro\:"Read it"
copy\:"Read and write a private copy"
none\:"A private empty folder instead"))' \
'--workspace=[What the agent'\''s programs may do with the current folder, or the one of the agent file]:MODE:((rw\:"Read and write the folder itself"
ro\:"Read it"
copy\:"Read and write a private copy"
none\:"A private empty folder instead"))' \
'-o+[The form of the answer]:FORM:((text\:"The answer as it comes; tools and warnings on standard error"
json\:"One JSON document at the end"
stream-json\:"One JSON event a line, as it happens"))' \
'--output=[The form of the answer]:FORM:((text\:"The answer as it comes; tools and warnings on standard error"
json\:"One JSON document at the end"
stream-json\:"One JSON event a line, as it happens"))' \
'--approve=[What becomes of a tool call that has to be asked about; off a terminal \`permissions.unattended\` decides]:MODE:((ask\:"Ask, where somebody can be asked"
auto\:"Allow it; what a rule denies stays denied"
deny\:"Refuse it; the exit code is then 3"
plan\:"Refuse everything that writes"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--continue[Go on with the last session of this agent]' \
'(-q --query)--plain[Line by line, without drawing on the screen; without a terminal each line of standard input is a message, or the answer to what is asked when its turn comes]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
'::prompt -- Open the conversation with this message; goes after AGENT:_default' \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':shell -- The shell:(bash elvish fish powershell zsh)' \
&& ret=0
;;
(deploy)
_arguments "${_arguments_options[@]}" : \
'--mode=[The same as TARGET]:TARGET:_default' \
'-c+[The same as AGENT]:FILE:_files' \
'--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'--name=[The name of the deployment \[default\: that of the agent\]]:NAME:_default' \
'*-E+[Give the agent this variable; may be given several times]:NAME=VALUE:_default' \
'*--env=[Give the agent this variable; may be given several times]:NAME=VALUE:_default' \
'--env-file=[Give the agent the variables of this file]:FILE:_files' \
'--port=[The port of the host \[default\: the one it has, else the next that is free\]]:PORT:_default' \
'--host=[The address of the host that callers may come by \[default\: 127.0.0.1\]]:ADDRESS:_default' \
'--registry=[Send the image to this place of a registry, HOST/PATH, which a cluster can pull from; also \`deploy.registry\`]:HOST/PATH:_default' \
'--base=[Begin the image with this one of a registry, HOST/PATH\[\:TAG\] \[default\: nothing at all\]]:IMAGE:_default' \
'--traffic=[For knative\: percent of the calls that the revision gets; also \`deploy.knative.traffic\` \[default\: 100\]]:PERCENT:_default' \
'--timeout=[How long the new revision may take until it answers, in seconds]:SECONDS:_default' \
'--runtime-binary=[A static agentscope of this version for Linux; also AGENTSCOPE_RUNTIME_BINARY \[default\: itself\]]:FILE:_files' \
'-o+[The form of the result]:FORM:((text\:""
yaml\:"One YAML document"
json\:"One JSON document"
markdown\:"For a comment on a change"))' \
'--output=[The form of the result]:FORM:((text\:""
yaml\:"One YAML document"
json\:"One JSON document"
markdown\:"For a comment on a change"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--plan[Only show what would be done]' \
'--dry-run[Only show what would be done]' \
'--detailed-exitcode[With --plan\: exit with 10 where there are changes]' \
'--wait[Wait also where nothing changes, until what is there answers; a new revision is waited for in any case]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::words -- The target, and an agent file or a folder with an agent.yaml; ./agent.yaml where absent:_default' \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
'-o+[Write the agent file here instead of to standard output]:PATH:_files' \
'--output=[Write the agent file here instead of to standard output]:PATH:_files' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--force[Overwrite a file that exists]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':file -- The file to read; `-` for standard input:_files' \
&& ret=0
;;
(init)
_arguments "${_arguments_options[@]}" : \
'--template=[What to begin with; \`--list\` shows what there is]:NAME:(quickstart research-team coding mcp structured http-tools)' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--list[List the templates, and make nothing]' \
'--force[Overwrite files that exist]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::dir -- The folder to make it in:_files' \
&& ret=0
;;
(invoke)
_arguments "${_arguments_options[@]}" : \
'-q+[What to say]:TEXT:_default' \
'--query=[What to say]:TEXT:_default' \
'--session-id=[Go on with this session, or begin it]:ID:_default' \
'--user-id=[Whose session it is]:USER:_default' \
'-o+[The form of the answer]:FORM:((text\:"The answer as it comes; tools and warnings on standard error"
json\:"One JSON document at the end"
stream-json\:"One JSON event a line, as it happens"))' \
'--output=[The form of the answer]:FORM:((text\:"The answer as it comes; tools and warnings on standard error"
json\:"One JSON document at the end"
stream-json\:"One JSON event a line, as it happens"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- The deployment\: its id, its name, or the beginning of one:_default' \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
'--target=[Ask this one alone; that it does not answer is an error then]:TARGET:(local docker kubernetes knative)' \
'-o+[The form of the list]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the list]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(logs)
_arguments "${_arguments_options[@]}" : \
'--tail=[Only the last lines]:LINES:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'-f[Go on with what it writes from now on]' \
'--follow[Go on with what it writes from now on]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- The deployment\: its id, its name, or the beginning of one:_default' \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
'--output=[Write one page a verb into this folder]:DIR:_files' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(mcp)
_arguments "${_arguments_options[@]}" : \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_agentscope__subcmd__mcp_commands" \
"*::: :->mcp" \
&& ret=0

    case $state in
    (mcp)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:agentscope-mcp-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'-o+[The form of the list]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the list]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(login)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'*--scope=[Ask for this scope, besides those of an earlier login; may be repeated]:SCOPE:_default' \
'--client-id=[Log in as this client, which the authorisation server knows already]:ID:_default' \
'--client-secret-env=[The environment variable that holds the secret of the client]:VARIABLE:_default' \
'(--client-id)--client-metadata=[The https address of a document that describes the client, for servers that take one as its id]:URL:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--no-browser[Print the address to open, and take the address that the browser ends up at from standard input]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- The server, or its address:_default' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(logout)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':name -- The server, or its address:_default' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(serve)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(test)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'--call=[Call this tool]:TOOL:_default' \
'--arguments=[What to call it with, as a JSON object]:JSON:_default' \
'(--all --login)--token-env=[The environment variable that holds a token for the server at this address]:VARIABLE:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'*--scope=[Ask for this scope, besides those of an earlier login; may be repeated]:SCOPE:_default' \
'--client-id=[Log in as this client, which the authorisation server knows already]:ID:_default' \
'--client-secret-env=[The environment variable that holds the secret of the client]:VARIABLE:_default' \
'(--client-id)--client-metadata=[The https address of a document that describes the client, for servers that take one as its id]:URL:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'(--call --login)--all[Test every server of the agent]' \
'--defaults[Answer what the server asks with the defaults of its forms]' \
'--login[Log in on the way where the server wants it, as \`mcp login\` does]' \
'--no-browser[Print the address to open, and take the address that the browser ends up at from standard input]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::name -- The server, or its address:_default' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_agentscope__subcmd__mcp__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:agentscope-mcp-help-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(login)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(logout)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(serve)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(test)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(models)
_arguments "${_arguments_options[@]}" : \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::provider -- Show what is known of the models of this provider:(openai openai-responses anthropic dashscope gemini deepseek moonshot ollama lmstudio llamacpp vllm openai-compatible demo)' \
&& ret=0
;;
(rm)
_arguments "${_arguments_options[@]}" : \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--purge[Remove what it kept, too, and its images]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- The deployment\: its id or its name:_default' \
&& ret=0
;;
(rollback)
_arguments "${_arguments_options[@]}" : \
'--to=[This revision \[default\: the one before\]]:REVISION:_default' \
'--timeout=[How long it may take until it answers, in seconds]:SECONDS:_default' \
'-o+[The form of the result]:FORM:((text\:""
yaml\:"One YAML document"
json\:"One JSON document"
markdown\:"For a comment on a change"))' \
'--output=[The form of the result]:FORM:((text\:""
yaml\:"One YAML document"
json\:"One JSON document"
markdown\:"For a comment on a change"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- The deployment\: its id or its name:_default' \
&& ret=0
;;
(run)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'--host=[The address to listen on]:ADDRESS:_default' \
'-p+[The port to listen on; 0 is any that is free]:PORT:_default' \
'--port=[The port to listen on; 0 is any that is free]:PORT:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--insecure[Listen beyond this machine without asking callers for a token]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(sandbox)
_arguments "${_arguments_options[@]}" : \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_agentscope__subcmd__sandbox_commands" \
"*::: :->sandbox" \
&& ret=0

    case $state in
    (sandbox)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:agentscope-sandbox-command-$line[1]:"
        case $line[1] in
            (build)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'--image=[The image to begin with \[default\: that of the agent file, else python\:3.13-slim\]]:BASE:_default' \
'*--python=[Install this with pip, besides what the agent file names; may be given several times]:PACKAGE:_default' \
'*--system=[Install this with the package manager of the image\: apt, apk, dnf or microdnf]:PACKAGE:_default' \
'--name=[Also give the image this name]:NAME:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(cp)
_arguments "${_arguments_options[@]}" : \
'-o+[How to say what was copied\: not at all, or as JSON]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[How to say what was copied\: not at all, or as JSON]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':source -- A path, ID\:PATH in a sandbox, or - for a tar archive on standard input:_default' \
':destination -- A path, ID\:PATH in a sandbox, or - for a tar archive on standard output:_default' \
&& ret=0
;;
(create)
_arguments "${_arguments_options[@]}" : \
'--backend=[Who makes it; \`auto\` is \`local\`, else \`docker\`]:BACKEND:((auto\:""
local\:"Namespaces, landlock and seccomp of this machine'\''s kernel"
docker\:"A container"
gvisor\:"A container whose system calls gVisor answers"
host\:"No isolation at all"))' \
'--image=[The image, for backends with images; with \`auto\`, \`docker\` is chosen]:IMAGE:_default' \
'--runtime-binary=[For containers\: a static agentscope of this version for Linux; also AGENTSCOPE_RUNTIME_BINARY \[default\: itself\]]:FILE:_files' \
'--type=[What is in it]:TYPE:_default' \
'-w+[The folder that programs see as /workspace\: a private copy of it, unless --workspace says otherwise]:DIR:_files' \
'--dir=[The folder that programs see as /workspace\: a private copy of it, unless --workspace says otherwise]:DIR:_files' \
'--workspace=[What programs may do with the folder, which is the current one without -w]:MODE:((rw\:"Read and write the folder itself"
ro\:"Read it"
copy\:"Read and write a private copy"
none\:"A private empty folder instead"))' \
'*--mount=[Also show this inside\: HOST_PATH\:PATH or HOST_PATH\:PATH\:ro]:MOUNT:_default' \
'--net=[The network\: none, full, or the hosts that may be reached, with commas between them]:NET:_default' \
'--memory=[Memory, such as 512Mi]:SIZE:_default' \
'--cpus=[Processors, such as 0.5 or 2]:NUMBER:_default' \
'--pids=[Most processes at once]:NUMBER:_default' \
'--disk=[Most bytes written to the workspace and /tmp, such as 1Gi]:SIZE:_default' \
'*--python-package=[A Python package for programs to import, such as pandas or '\''pandas>=2'\''\: installed once, with network]:PACKAGE:_default' \
'*-e+[A variable for the programs; without a value, the one of this shell]:NAME[=VALUE]:_default' \
'*--env=[A variable for the programs; without a value, the one of this shell]:NAME[=VALUE]:_default' \
'--min-tier=[Refuse to start with less isolation than this]:TIER:(A B)' \
'*--label=[A label to choose it by later]:NAME=VALUE:_default' \
'--idle-timeout=[Let it end after so long without a call; 0 for never \[default\: 5m\]]:TIME:_default' \
'--max-age=[Let it end after so long however busy it is; 0 for never \[default\: 24h\]]:TIME:_default' \
'--max-count=[Refuse where so many are there already]:NUMBER:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--backend=[Only in one of this backend]:BACKEND:((auto\:""
local\:"Namespaces, landlock and seccomp of this machine'\''s kernel"
docker\:"A container"
gvisor\:"A container whose system calls gVisor answers"
host\:"No isolation at all"))' \
'--image=[For backends with images\: this one, which has Python, instead of the default]:IMAGE:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--prove[Try to get out, in a sandbox of each backend with isolation that can be used here]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(exec)
_arguments "${_arguments_options[@]}" : \
'*-e+[A variable for the program; without a value, the one of this shell]:NAME[=VALUE]:_default' \
'*--env=[A variable for the program; without a value, the one of this shell]:NAME[=VALUE]:_default' \
'-w+[Start it in this folder, below /workspace if relative]:DIR:_default' \
'--cwd=[Start it in this folder, below /workspace if relative]:DIR:_default' \
'--timeout=[Kill it after so long]:TIME:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'-i[Give it our standard input]' \
'--interactive[Give it our standard input]' \
'-t[Give it a terminal]' \
'--tty[Give it a terminal]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- An id, or the start of one:_default' \
'*::cmd -- The program and its arguments:_default' \
&& ret=0
;;
(inspect)
_arguments "${_arguments_options[@]}" : \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- An id, or the start of one:_default' \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
'*--label=[Only those with this label]:NAME[=VALUE]:_default' \
'--state=[Only those in this state]:STATE:((starting\:""
running\:""
paused\:""
stopped\:""
unknown\:"Its backend does not answer"))' \
'--session=[Only that of this chat session]:ID:_default' \
'-o+[The form of the list]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the list]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'-a[Those that are stopped, too]' \
'--all[Those that are stopped, too]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(logs)
_arguments "${_arguments_options[@]}" : \
'-o+[The form of --audit\: text, or a JSON array; with -f, JSON lines]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of --audit\: text, or a JSON array; with -f, JSON lines]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--audit[Who did what\: of one sandbox, or of all]' \
'-f[Go on as more comes, until the sandbox ends; without an ID, until Ctrl-C]' \
'--follow[Go on as more comes, until the sandbox ends; without an ID, until Ctrl-C]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::id -- An id, or the start of one:_default' \
&& ret=0
;;
(pause)
_arguments "${_arguments_options[@]}" : \
'*--label=[Only those with this label]:NAME[=VALUE]:_default' \
'--state=[Only those in this state]:STATE:((starting\:""
running\:""
paused\:""
stopped\:""
unknown\:"Its backend does not answer"))' \
'--session=[Only that of this chat session]:ID:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--all[All of them]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::ids -- Ids, or the starts of them:_default' \
&& ret=0
;;
(prune)
_arguments "${_arguments_options[@]}" : \
'--older-than=[Only those that were not used for so long, such as 30d or 12h]:TIME:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--dry-run[Only say which ones]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(renew)
_arguments "${_arguments_options[@]}" : \
'*--label=[Only those with this label]:NAME[=VALUE]:_default' \
'--state=[Only those in this state]:STATE:((starting\:""
running\:""
paused\:""
stopped\:""
unknown\:"Its backend does not answer"))' \
'--session=[Only that of this chat session]:ID:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--for=[How long from now on]:TIME:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--all[All of them]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::ids -- Ids, or the starts of them:_default' \
&& ret=0
;;
(resume)
_arguments "${_arguments_options[@]}" : \
'*--label=[Only those with this label]:NAME[=VALUE]:_default' \
'--state=[Only those in this state]:STATE:((starting\:""
running\:""
paused\:""
stopped\:""
unknown\:"Its backend does not answer"))' \
'--session=[Only that of this chat session]:ID:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--all[All of them]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::ids -- Ids, or the starts of them:_default' \
&& ret=0
;;
(rm)
_arguments "${_arguments_options[@]}" : \
'*--label=[Only those with this label]:NAME[=VALUE]:_default' \
'--state=[Only those in this state]:STATE:((starting\:""
running\:""
paused\:""
stopped\:""
unknown\:"Its backend does not answer"))' \
'--session=[Only that of this chat session]:ID:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--all[All of them]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::ids -- Ids, or the starts of them:_default' \
&& ret=0
;;
(run)
_arguments "${_arguments_options[@]}" : \
'--backend=[Who makes it; \`auto\` is \`local\`, else \`docker\`]:BACKEND:((auto\:""
local\:"Namespaces, landlock and seccomp of this machine'\''s kernel"
docker\:"A container"
gvisor\:"A container whose system calls gVisor answers"
host\:"No isolation at all"))' \
'--image=[The image, for backends with images; with \`auto\`, \`docker\` is chosen]:IMAGE:_default' \
'--runtime-binary=[For containers\: a static agentscope of this version for Linux; also AGENTSCOPE_RUNTIME_BINARY \[default\: itself\]]:FILE:_files' \
'--type=[What is in it]:TYPE:_default' \
'-w+[The folder that programs see as /workspace\: a private copy of it, unless --workspace says otherwise]:DIR:_files' \
'--dir=[The folder that programs see as /workspace\: a private copy of it, unless --workspace says otherwise]:DIR:_files' \
'--workspace=[What programs may do with the folder, which is the current one without -w]:MODE:((rw\:"Read and write the folder itself"
ro\:"Read it"
copy\:"Read and write a private copy"
none\:"A private empty folder instead"))' \
'*--mount=[Also show this inside\: HOST_PATH\:PATH or HOST_PATH\:PATH\:ro]:MOUNT:_default' \
'--net=[The network\: none, full, or the hosts that may be reached, with commas between them]:NET:_default' \
'--memory=[Memory, such as 512Mi]:SIZE:_default' \
'--cpus=[Processors, such as 0.5 or 2]:NUMBER:_default' \
'--pids=[Most processes at once]:NUMBER:_default' \
'--disk=[Most bytes written to the workspace and /tmp, such as 1Gi]:SIZE:_default' \
'*--python-package=[A Python package for programs to import, such as pandas or '\''pandas>=2'\''\: installed once, with network]:PACKAGE:_default' \
'*-e+[A variable for the programs; without a value, the one of this shell]:NAME[=VALUE]:_default' \
'*--env=[A variable for the programs; without a value, the one of this shell]:NAME[=VALUE]:_default' \
'--min-tier=[Refuse to start with less isolation than this]:TIER:(A B)' \
'*--label=[A label to choose it by later]:NAME=VALUE:_default' \
'--timeout=[Kill it after so long]:TIME:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'-t[Give it a terminal]' \
'--tty[Give it a terminal]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::cmd -- The program and its arguments:_default' \
&& ret=0
;;
(shell)
_arguments "${_arguments_options[@]}" : \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- An id, or the start of one:_default' \
&& ret=0
;;
(stop)
_arguments "${_arguments_options[@]}" : \
'*--label=[Only those with this label]:NAME[=VALUE]:_default' \
'--state=[Only those in this state]:STATE:((starting\:""
running\:""
paused\:""
stopped\:""
unknown\:"Its backend does not answer"))' \
'--session=[Only that of this chat session]:ID:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--all[All of them]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::ids -- Ids, or the starts of them:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_agentscope__subcmd__sandbox__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:agentscope-sandbox-help-command-$line[1]:"
        case $line[1] in
            (build)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(cp)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(create)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(exec)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(inspect)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(logs)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(pause)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(prune)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(renew)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(resume)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rm)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(run)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(shell)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(stop)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(schema)
_arguments "${_arguments_options[@]}" : \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(session)
_arguments "${_arguments_options[@]}" : \
'--user-id=[Whose sessions; your own where absent]:USER:_default' \
'--user=[Whose sessions; your own where absent]:USER:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_agentscope__subcmd__session_commands" \
"*::: :->session" \
&& ret=0

    case $state in
    (session)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:agentscope-session-command-$line[1]:"
        case $line[1] in
            (diff)
_arguments "${_arguments_options[@]}" : \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--user-id=[Whose sessions; your own where absent]:USER:_default' \
'--user=[Whose sessions; your own where absent]:USER:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--apply[Take what was changed in the session'\''s private copy into the folder; \`undo\` takes it back]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::id -- An id, the start or the end of one, or `last`:_default' \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
'-o+[The form of the conversation]:FORM:((md\:"Markdown, for people"
json\:"Everything that is kept, for programs"))' \
'--output=[The form of the conversation]:FORM:((md\:"Markdown, for people"
json\:"Everything that is kept, for programs"))' \
'--file=[Write into this file, which must not be there yet, rather than to standard output]:FILE:_files' \
'--user-id=[Whose sessions; your own where absent]:USER:_default' \
'--user=[Whose sessions; your own where absent]:USER:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- An id, the start or the end of one, or `last`:_default' \
&& ret=0
;;
(fork)
_arguments "${_arguments_options[@]}" : \
'--at=[Copy only the first N messages]:N:_default' \
'--user-id=[Whose sessions; your own where absent]:USER:_default' \
'--user=[Whose sessions; your own where absent]:USER:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- An id, the start or the end of one, or `last`:_default' \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
'--agent=[Only those of the agent of this name]:NAME:_default' \
'-o+[The form of the list]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the list]:FORM:((text\:""
json\:"One JSON document"))' \
'--user-id=[Whose sessions; your own where absent]:USER:_default' \
'--user=[Whose sessions; your own where absent]:USER:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(prune)
_arguments "${_arguments_options[@]}" : \
'--older-than=[How long, such as 30d or 12h]:TIME:_default' \
'--user-id=[Whose sessions; your own where absent]:USER:_default' \
'--user=[Whose sessions; your own where absent]:USER:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--dry-run[Only say which ones]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(rename)
_arguments "${_arguments_options[@]}" : \
'--user-id=[Whose sessions; your own where absent]:USER:_default' \
'--user=[Whose sessions; your own where absent]:USER:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- An id, the start or the end of one, or `last`:_default' \
':title -- What it is to be called:_default' \
&& ret=0
;;
(rm)
_arguments "${_arguments_options[@]}" : \
'--user-id=[Whose sessions; your own where absent]:USER:_default' \
'--user=[Whose sessions; your own where absent]:USER:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'*::ids -- An id, the start or the end of one, or `last`:_default' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'--user-id=[Whose sessions; your own where absent]:USER:_default' \
'--user=[Whose sessions; your own where absent]:USER:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::id -- An id, the start or the end of one, or `last`:_default' \
&& ret=0
;;
(undo)
_arguments "${_arguments_options[@]}" : \
'--to=[Only back to before call N; \`session diff -o json\` has the numbers]:N:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--user-id=[Whose sessions; your own where absent]:USER:_default' \
'--user=[Whose sessions; your own where absent]:USER:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--force[Also what you changed since]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::id -- An id, the start or the end of one, or `last`:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_agentscope__subcmd__session__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:agentscope-session-help-command-$line[1]:"
        case $line[1] in
            (diff)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(fork)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(prune)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rename)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rm)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(undo)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(setup)
_arguments "${_arguments_options[@]}" : \
'--provider=[The provider to use]:PROVIDER:(openai openai-responses anthropic dashscope gemini deepseek moonshot ollama lmstudio llamacpp vllm openai-compatible demo)' \
'--model=[The model to use; the provider'\''s default where absent]:MODEL:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--key-stdin[Read the key from standard input]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
'--timeout=[How long to wait, in seconds]:SECONDS:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--wait[Wait until it runs]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- The deployment\: its id, its name, or the beginning of one:_default' \
&& ret=0
;;
(stop)
_arguments "${_arguments_options[@]}" : \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':id -- The deployment\: its id or its name:_default' \
&& ret=0
;;
(tools)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'-o+[The form of the list]:FORM:((text\:""
json\:"One JSON document"))' \
'--output=[The form of the list]:FORM:((text\:""
json\:"One JSON document"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(validate)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'-o+[The form of the result]:FORM:((text\:""
json\:"One JSON document"
github\:"Annotations for GitHub Actions"))' \
'--output=[The form of the result]:FORM:((text\:""
json\:"One JSON document"
github\:"Annotations for GitHub Actions"))' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--strict-env[A variable that is not set is an error]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(web)
_arguments "${_arguments_options[@]}" : \
'()-c+[The same as AGENT]:FILE:_files' \
'()--config=[The same as AGENT]:FILE:_files' \
'--profile=[Merge this profile of the agent file over it]:NAME:_default' \
'--host=[The address to listen on]:ADDRESS:_default' \
'-p+[The port to listen on; 0 is any that is free]:PORT:_default' \
'--port=[The port to listen on; 0 is any that is free]:PORT:_default' \
'--color=[When to use colour]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set or TERM is dumb"
always\:"Also into a file or a pipe"
never\:"Not even on a terminal"))' \
'--insecure[Listen beyond this machine without asking callers for a token]' \
'--no-open[Do not open the browser]' \
'--offline[Refuse every call outside this machine, and say which one it was]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::agent -- An agent file, or a folder with an agent.yaml; ./agent.yaml, else the quickstart agent, where absent:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_agentscope__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:agentscope-help-command-$line[1]:"
        case $line[1] in
            (build)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(chat)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(deploy)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(init)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(invoke)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(logs)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(mcp)
_arguments "${_arguments_options[@]}" : \
":: :_agentscope__subcmd__help__subcmd__mcp_commands" \
"*::: :->mcp" \
&& ret=0

    case $state in
    (mcp)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:agentscope-help-mcp-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(login)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(logout)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(serve)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(test)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(models)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rm)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rollback)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(run)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(sandbox)
_arguments "${_arguments_options[@]}" : \
":: :_agentscope__subcmd__help__subcmd__sandbox_commands" \
"*::: :->sandbox" \
&& ret=0

    case $state in
    (sandbox)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:agentscope-help-sandbox-command-$line[1]:"
        case $line[1] in
            (build)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(cp)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(create)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(exec)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(inspect)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(logs)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(pause)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(prune)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(renew)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(resume)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rm)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(run)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(shell)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(stop)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(schema)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(session)
_arguments "${_arguments_options[@]}" : \
":: :_agentscope__subcmd__help__subcmd__session_commands" \
"*::: :->session" \
&& ret=0

    case $state in
    (session)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:agentscope-help-session-command-$line[1]:"
        case $line[1] in
            (diff)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(fork)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(prune)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rename)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rm)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(undo)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(setup)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(stop)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(tools)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(validate)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(web)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
}

(( $+functions[_agentscope_commands] )) ||
_agentscope_commands() {
    local commands; commands=(
'build:Make an OCI image of an agent, without Docker' \
'chat:Talk to an agent\: one message with -q, else a conversation' \
'completions:Print a completion script for a shell' \
'deploy:Deploy an agent\: to this machine, to containers of Docker, or to a Kubernetes cluster, with Knative or without' \
'doctor:Show what this machine can do, what is missing, and how to mend it' \
'import:Turn a docker agent YAML or an .mcp.json into an agent file' \
'init:Make a new agent project' \
'invoke:Say one thing to a deployment, and print the answer' \
'list:List what is deployed, as the targets say' \
'logs:Show what a deployment writes' \
'man:Print the man page, or write those of all verbs into a folder' \
'mcp:See, test and log in to the MCP servers of an agent; be one' \
'models:List the model providers, which keys were found, and the model servers on this machine' \
'rm:Remove a deployment with all its revisions' \
'rollback:Let an earlier revision of a deployment run again' \
'run:Serve an agent over HTTP' \
'sandbox:Run programs in isolation; see and control every sandbox' \
'schema:Print the JSON Schema of the agent file, for editors' \
'session:List, read, copy and delete earlier conversations; show and undo what they changed' \
'setup:Choose a model provider, find keys and local model servers, store a key' \
'status:Show how a deployment is and which revisions it has, as its target says' \
'stop:Stop a deployment; its revisions and what it keeps stay, and \`deploy\` starts it again' \
'tools:List the tools of an agent\: where each comes from, where it runs, and whether it may change anything' \
'validate:Check an agent file\: every error at once, with line and column' \
'web:Serve an agent with a page for browsers on /' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'agentscope commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__build_commands] )) ||
_agentscope__subcmd__build_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope build commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__chat_commands] )) ||
_agentscope__subcmd__chat_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope chat commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__completions_commands] )) ||
_agentscope__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope completions commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__deploy_commands] )) ||
_agentscope__subcmd__deploy_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope deploy commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__doctor_commands] )) ||
_agentscope__subcmd__doctor_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope doctor commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help_commands] )) ||
_agentscope__subcmd__help_commands() {
    local commands; commands=(
'build:Make an OCI image of an agent, without Docker' \
'chat:Talk to an agent\: one message with -q, else a conversation' \
'completions:Print a completion script for a shell' \
'deploy:Deploy an agent\: to this machine, to containers of Docker, or to a Kubernetes cluster, with Knative or without' \
'doctor:Show what this machine can do, what is missing, and how to mend it' \
'import:Turn a docker agent YAML or an .mcp.json into an agent file' \
'init:Make a new agent project' \
'invoke:Say one thing to a deployment, and print the answer' \
'list:List what is deployed, as the targets say' \
'logs:Show what a deployment writes' \
'man:Print the man page, or write those of all verbs into a folder' \
'mcp:See, test and log in to the MCP servers of an agent; be one' \
'models:List the model providers, which keys were found, and the model servers on this machine' \
'rm:Remove a deployment with all its revisions' \
'rollback:Let an earlier revision of a deployment run again' \
'run:Serve an agent over HTTP' \
'sandbox:Run programs in isolation; see and control every sandbox' \
'schema:Print the JSON Schema of the agent file, for editors' \
'session:List, read, copy and delete earlier conversations; show and undo what they changed' \
'setup:Choose a model provider, find keys and local model servers, store a key' \
'status:Show how a deployment is and which revisions it has, as its target says' \
'stop:Stop a deployment; its revisions and what it keeps stay, and \`deploy\` starts it again' \
'tools:List the tools of an agent\: where each comes from, where it runs, and whether it may change anything' \
'validate:Check an agent file\: every error at once, with line and column' \
'web:Serve an agent with a page for browsers on /' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'agentscope help commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__build_commands] )) ||
_agentscope__subcmd__help__subcmd__build_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help build commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__chat_commands] )) ||
_agentscope__subcmd__help__subcmd__chat_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help chat commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__completions_commands] )) ||
_agentscope__subcmd__help__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help completions commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__deploy_commands] )) ||
_agentscope__subcmd__help__subcmd__deploy_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help deploy commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__doctor_commands] )) ||
_agentscope__subcmd__help__subcmd__doctor_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help doctor commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__help_commands] )) ||
_agentscope__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help help commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__import_commands] )) ||
_agentscope__subcmd__help__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help import commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__init_commands] )) ||
_agentscope__subcmd__help__subcmd__init_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help init commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__invoke_commands] )) ||
_agentscope__subcmd__help__subcmd__invoke_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help invoke commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__list_commands] )) ||
_agentscope__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help list commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__logs_commands] )) ||
_agentscope__subcmd__help__subcmd__logs_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help logs commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__man_commands] )) ||
_agentscope__subcmd__help__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help man commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__mcp_commands] )) ||
_agentscope__subcmd__help__subcmd__mcp_commands() {
    local commands; commands=(
'list:List the MCP servers of an agent; starts none of them' \
'login:Log in to an MCP server that wants OAuth' \
'logout:Forget the tokens of an MCP server' \
'serve:Serve an agent and its tools to one MCP client on standard input and output' \
'test:Connect to MCP servers, list their tools, and say what is wrong' \
    )
    _describe -t commands 'agentscope help mcp commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__mcp__subcmd__list_commands] )) ||
_agentscope__subcmd__help__subcmd__mcp__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help mcp list commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__mcp__subcmd__login_commands] )) ||
_agentscope__subcmd__help__subcmd__mcp__subcmd__login_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help mcp login commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__mcp__subcmd__logout_commands] )) ||
_agentscope__subcmd__help__subcmd__mcp__subcmd__logout_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help mcp logout commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__mcp__subcmd__serve_commands] )) ||
_agentscope__subcmd__help__subcmd__mcp__subcmd__serve_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help mcp serve commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__mcp__subcmd__test_commands] )) ||
_agentscope__subcmd__help__subcmd__mcp__subcmd__test_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help mcp test commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__models_commands] )) ||
_agentscope__subcmd__help__subcmd__models_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help models commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__rm_commands] )) ||
_agentscope__subcmd__help__subcmd__rm_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help rm commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__rollback_commands] )) ||
_agentscope__subcmd__help__subcmd__rollback_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help rollback commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__run_commands] )) ||
_agentscope__subcmd__help__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help run commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox_commands() {
    local commands; commands=(
'build:Make an image with packages, without a Dockerfile, and print its name' \
'cp:Copy files and folders into a sandbox that runs, or out of one' \
'create:Make a sandbox that stays, and print its id' \
'doctor:Show what isolation this machine offers, layer by layer, and how to get more' \
'exec:Run a program in a sandbox that runs' \
'inspect:Show all that is known of a sandbox\: what it is made of, what holds it in, what it uses' \
'list:Show the sandboxes there are; as root, those of every user' \
'logs:Show what the daemon of a sandbox says, or who did what in which sandbox' \
'pause:Freeze every process of sandboxes; memory stays' \
'prune:Delete stopped sandboxes and what processes that were killed left behind, and print the ids' \
'renew:Let running sandboxes live longer' \
'resume:Let the processes of paused sandboxes go on' \
'rm:Delete sandboxes, running or not, and their private workspaces' \
'run:Run one program in a sandbox of its own, which is gone afterwards' \
'shell:Open a shell in a sandbox that runs' \
'stop:End every process of sandboxes; their workspaces stay' \
    )
    _describe -t commands 'agentscope help sandbox commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__build_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__build_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox build commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__cp_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__cp_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox cp commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__create_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__create_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox create commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__doctor_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__doctor_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox doctor commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__exec_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__exec_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox exec commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__inspect_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__inspect_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox inspect commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__list_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox list commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__logs_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__logs_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox logs commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__pause_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__pause_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox pause commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__prune_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__prune_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox prune commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__renew_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__renew_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox renew commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__resume_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__resume_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox resume commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__rm_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__rm_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox rm commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__run_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox run commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__shell_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__shell_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox shell commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__sandbox__subcmd__stop_commands] )) ||
_agentscope__subcmd__help__subcmd__sandbox__subcmd__stop_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help sandbox stop commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__schema_commands] )) ||
_agentscope__subcmd__help__subcmd__schema_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help schema commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__session_commands] )) ||
_agentscope__subcmd__help__subcmd__session_commands() {
    local commands; commands=(
'diff:Show what a session changed in its workspace, from before its first change to now' \
'export:Write a whole conversation as Markdown or JSON' \
'fork:Copy a session, or its beginning, and print the id of the copy' \
'list:Show the sessions there are, last used first' \
'prune:Delete the sessions that were not used for a while, and print their ids' \
'rename:Give a session a title' \
'rm:Delete sessions' \
'show:Print a conversation, with its tool calls in one line each' \
'undo:Take back what a session changed in its workspace' \
    )
    _describe -t commands 'agentscope help session commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__session__subcmd__diff_commands] )) ||
_agentscope__subcmd__help__subcmd__session__subcmd__diff_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help session diff commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__session__subcmd__export_commands] )) ||
_agentscope__subcmd__help__subcmd__session__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help session export commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__session__subcmd__fork_commands] )) ||
_agentscope__subcmd__help__subcmd__session__subcmd__fork_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help session fork commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__session__subcmd__list_commands] )) ||
_agentscope__subcmd__help__subcmd__session__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help session list commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__session__subcmd__prune_commands] )) ||
_agentscope__subcmd__help__subcmd__session__subcmd__prune_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help session prune commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__session__subcmd__rename_commands] )) ||
_agentscope__subcmd__help__subcmd__session__subcmd__rename_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help session rename commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__session__subcmd__rm_commands] )) ||
_agentscope__subcmd__help__subcmd__session__subcmd__rm_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help session rm commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__session__subcmd__show_commands] )) ||
_agentscope__subcmd__help__subcmd__session__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help session show commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__session__subcmd__undo_commands] )) ||
_agentscope__subcmd__help__subcmd__session__subcmd__undo_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help session undo commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__setup_commands] )) ||
_agentscope__subcmd__help__subcmd__setup_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help setup commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__status_commands] )) ||
_agentscope__subcmd__help__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help status commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__stop_commands] )) ||
_agentscope__subcmd__help__subcmd__stop_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help stop commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__tools_commands] )) ||
_agentscope__subcmd__help__subcmd__tools_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help tools commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__validate_commands] )) ||
_agentscope__subcmd__help__subcmd__validate_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help validate commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__help__subcmd__web_commands] )) ||
_agentscope__subcmd__help__subcmd__web_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope help web commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__import_commands] )) ||
_agentscope__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope import commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__init_commands] )) ||
_agentscope__subcmd__init_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope init commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__invoke_commands] )) ||
_agentscope__subcmd__invoke_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope invoke commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__list_commands] )) ||
_agentscope__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope list commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__logs_commands] )) ||
_agentscope__subcmd__logs_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope logs commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__man_commands] )) ||
_agentscope__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope man commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp_commands] )) ||
_agentscope__subcmd__mcp_commands() {
    local commands; commands=(
'list:List the MCP servers of an agent; starts none of them' \
'login:Log in to an MCP server that wants OAuth' \
'logout:Forget the tokens of an MCP server' \
'serve:Serve an agent and its tools to one MCP client on standard input and output' \
'test:Connect to MCP servers, list their tools, and say what is wrong' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'agentscope mcp commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__help_commands] )) ||
_agentscope__subcmd__mcp__subcmd__help_commands() {
    local commands; commands=(
'list:List the MCP servers of an agent; starts none of them' \
'login:Log in to an MCP server that wants OAuth' \
'logout:Forget the tokens of an MCP server' \
'serve:Serve an agent and its tools to one MCP client on standard input and output' \
'test:Connect to MCP servers, list their tools, and say what is wrong' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'agentscope mcp help commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__help__subcmd__help_commands] )) ||
_agentscope__subcmd__mcp__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope mcp help help commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__help__subcmd__list_commands] )) ||
_agentscope__subcmd__mcp__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope mcp help list commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__help__subcmd__login_commands] )) ||
_agentscope__subcmd__mcp__subcmd__help__subcmd__login_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope mcp help login commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__help__subcmd__logout_commands] )) ||
_agentscope__subcmd__mcp__subcmd__help__subcmd__logout_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope mcp help logout commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__help__subcmd__serve_commands] )) ||
_agentscope__subcmd__mcp__subcmd__help__subcmd__serve_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope mcp help serve commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__help__subcmd__test_commands] )) ||
_agentscope__subcmd__mcp__subcmd__help__subcmd__test_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope mcp help test commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__list_commands] )) ||
_agentscope__subcmd__mcp__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope mcp list commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__login_commands] )) ||
_agentscope__subcmd__mcp__subcmd__login_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope mcp login commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__logout_commands] )) ||
_agentscope__subcmd__mcp__subcmd__logout_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope mcp logout commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__serve_commands] )) ||
_agentscope__subcmd__mcp__subcmd__serve_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope mcp serve commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__mcp__subcmd__test_commands] )) ||
_agentscope__subcmd__mcp__subcmd__test_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope mcp test commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__models_commands] )) ||
_agentscope__subcmd__models_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope models commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__rm_commands] )) ||
_agentscope__subcmd__rm_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope rm commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__rollback_commands] )) ||
_agentscope__subcmd__rollback_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope rollback commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__run_commands] )) ||
_agentscope__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope run commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox_commands] )) ||
_agentscope__subcmd__sandbox_commands() {
    local commands; commands=(
'build:Make an image with packages, without a Dockerfile, and print its name' \
'cp:Copy files and folders into a sandbox that runs, or out of one' \
'create:Make a sandbox that stays, and print its id' \
'doctor:Show what isolation this machine offers, layer by layer, and how to get more' \
'exec:Run a program in a sandbox that runs' \
'inspect:Show all that is known of a sandbox\: what it is made of, what holds it in, what it uses' \
'list:Show the sandboxes there are; as root, those of every user' \
'logs:Show what the daemon of a sandbox says, or who did what in which sandbox' \
'pause:Freeze every process of sandboxes; memory stays' \
'prune:Delete stopped sandboxes and what processes that were killed left behind, and print the ids' \
'renew:Let running sandboxes live longer' \
'resume:Let the processes of paused sandboxes go on' \
'rm:Delete sandboxes, running or not, and their private workspaces' \
'run:Run one program in a sandbox of its own, which is gone afterwards' \
'shell:Open a shell in a sandbox that runs' \
'stop:End every process of sandboxes; their workspaces stay' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'agentscope sandbox commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__build_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__build_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox build commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__cp_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__cp_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox cp commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__create_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__create_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox create commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__doctor_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__doctor_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox doctor commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__exec_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__exec_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox exec commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help_commands() {
    local commands; commands=(
'build:Make an image with packages, without a Dockerfile, and print its name' \
'cp:Copy files and folders into a sandbox that runs, or out of one' \
'create:Make a sandbox that stays, and print its id' \
'doctor:Show what isolation this machine offers, layer by layer, and how to get more' \
'exec:Run a program in a sandbox that runs' \
'inspect:Show all that is known of a sandbox\: what it is made of, what holds it in, what it uses' \
'list:Show the sandboxes there are; as root, those of every user' \
'logs:Show what the daemon of a sandbox says, or who did what in which sandbox' \
'pause:Freeze every process of sandboxes; memory stays' \
'prune:Delete stopped sandboxes and what processes that were killed left behind, and print the ids' \
'renew:Let running sandboxes live longer' \
'resume:Let the processes of paused sandboxes go on' \
'rm:Delete sandboxes, running or not, and their private workspaces' \
'run:Run one program in a sandbox of its own, which is gone afterwards' \
'shell:Open a shell in a sandbox that runs' \
'stop:End every process of sandboxes; their workspaces stay' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'agentscope sandbox help commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__build_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__build_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help build commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__cp_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__cp_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help cp commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__create_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__create_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help create commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__doctor_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__doctor_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help doctor commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__exec_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__exec_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help exec commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__help_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help help commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__inspect_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__inspect_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help inspect commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__list_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help list commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__logs_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__logs_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help logs commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__pause_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__pause_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help pause commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__prune_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__prune_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help prune commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__renew_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__renew_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help renew commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__resume_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__resume_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help resume commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__rm_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__rm_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help rm commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__run_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help run commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__shell_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__shell_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help shell commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__help__subcmd__stop_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__help__subcmd__stop_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox help stop commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__inspect_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__inspect_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox inspect commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__list_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox list commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__logs_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__logs_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox logs commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__pause_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__pause_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox pause commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__prune_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__prune_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox prune commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__renew_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__renew_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox renew commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__resume_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__resume_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox resume commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__rm_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__rm_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox rm commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__run_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox run commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__shell_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__shell_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox shell commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__sandbox__subcmd__stop_commands] )) ||
_agentscope__subcmd__sandbox__subcmd__stop_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope sandbox stop commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__schema_commands] )) ||
_agentscope__subcmd__schema_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope schema commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session_commands] )) ||
_agentscope__subcmd__session_commands() {
    local commands; commands=(
'diff:Show what a session changed in its workspace, from before its first change to now' \
'export:Write a whole conversation as Markdown or JSON' \
'fork:Copy a session, or its beginning, and print the id of the copy' \
'list:Show the sessions there are, last used first' \
'prune:Delete the sessions that were not used for a while, and print their ids' \
'rename:Give a session a title' \
'rm:Delete sessions' \
'show:Print a conversation, with its tool calls in one line each' \
'undo:Take back what a session changed in its workspace' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'agentscope session commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__diff_commands] )) ||
_agentscope__subcmd__session__subcmd__diff_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session diff commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__export_commands] )) ||
_agentscope__subcmd__session__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session export commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__fork_commands] )) ||
_agentscope__subcmd__session__subcmd__fork_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session fork commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__help_commands] )) ||
_agentscope__subcmd__session__subcmd__help_commands() {
    local commands; commands=(
'diff:Show what a session changed in its workspace, from before its first change to now' \
'export:Write a whole conversation as Markdown or JSON' \
'fork:Copy a session, or its beginning, and print the id of the copy' \
'list:Show the sessions there are, last used first' \
'prune:Delete the sessions that were not used for a while, and print their ids' \
'rename:Give a session a title' \
'rm:Delete sessions' \
'show:Print a conversation, with its tool calls in one line each' \
'undo:Take back what a session changed in its workspace' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'agentscope session help commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__help__subcmd__diff_commands] )) ||
_agentscope__subcmd__session__subcmd__help__subcmd__diff_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session help diff commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__help__subcmd__export_commands] )) ||
_agentscope__subcmd__session__subcmd__help__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session help export commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__help__subcmd__fork_commands] )) ||
_agentscope__subcmd__session__subcmd__help__subcmd__fork_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session help fork commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__help__subcmd__help_commands] )) ||
_agentscope__subcmd__session__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session help help commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__help__subcmd__list_commands] )) ||
_agentscope__subcmd__session__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session help list commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__help__subcmd__prune_commands] )) ||
_agentscope__subcmd__session__subcmd__help__subcmd__prune_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session help prune commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__help__subcmd__rename_commands] )) ||
_agentscope__subcmd__session__subcmd__help__subcmd__rename_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session help rename commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__help__subcmd__rm_commands] )) ||
_agentscope__subcmd__session__subcmd__help__subcmd__rm_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session help rm commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__help__subcmd__show_commands] )) ||
_agentscope__subcmd__session__subcmd__help__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session help show commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__help__subcmd__undo_commands] )) ||
_agentscope__subcmd__session__subcmd__help__subcmd__undo_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session help undo commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__list_commands] )) ||
_agentscope__subcmd__session__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session list commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__prune_commands] )) ||
_agentscope__subcmd__session__subcmd__prune_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session prune commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__rename_commands] )) ||
_agentscope__subcmd__session__subcmd__rename_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session rename commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__rm_commands] )) ||
_agentscope__subcmd__session__subcmd__rm_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session rm commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__show_commands] )) ||
_agentscope__subcmd__session__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session show commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__session__subcmd__undo_commands] )) ||
_agentscope__subcmd__session__subcmd__undo_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope session undo commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__setup_commands] )) ||
_agentscope__subcmd__setup_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope setup commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__status_commands] )) ||
_agentscope__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope status commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__stop_commands] )) ||
_agentscope__subcmd__stop_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope stop commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__tools_commands] )) ||
_agentscope__subcmd__tools_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope tools commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__validate_commands] )) ||
_agentscope__subcmd__validate_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope validate commands' commands "$@"
}
(( $+functions[_agentscope__subcmd__web_commands] )) ||
_agentscope__subcmd__web_commands() {
    local commands; commands=()
    _describe -t commands 'agentscope web commands' commands "$@"
}

if [ "$funcstack[1]" = "_agentscope" ]; then
    _agentscope "$@"
else
    compdef _agentscope agentscope
fi
