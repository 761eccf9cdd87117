//! Tests through the binary and over the socket: what a user or a caller can see.

mod common;

mod help;
