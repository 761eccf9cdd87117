try "read $PROVE_DIR/secret" cat "$PROVE_DIR/secret"
try "list $PROVE_DIR" ls "$PROVE_DIR"
blocked
