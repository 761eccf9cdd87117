try "write to $PROVE_DIR/untouched" sh -c 'echo changed >> "$0"' "$PROVE_DIR/untouched"
try "make a file in $PROVE_DIR" sh -c 'echo new > "$0"' "$PROVE_DIR/new"
try "remove $PROVE_DIR/untouched" rm "$PROVE_DIR/untouched"
blocked
