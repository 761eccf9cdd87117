ln -sfn "$PROVE_DIR" out && ln -sf "$PROVE_DIR/untouched" file || cannot 'no link can be made'
try 'read through a link in the workspace' cat out/secret
try 'write through a link in the workspace' sh -c 'echo changed >> file'
rm -f out file
blocked
