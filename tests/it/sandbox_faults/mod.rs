//! What stays when things go wrong: processes killed at every step, several commands at once, no room, no rights. Each
//! test compares what there is of its own home before and after.

mod census;
mod cycles;
mod dropped;
mod exec;
mod home;
mod killed;
mod lacking;
mod paused;
mod races;
mod restart;
mod session;
