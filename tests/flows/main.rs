//! What people and applications do, from end to end.

mod administration;
mod another_model;
mod audit;
mod backup;
mod bad_input;
mod canary;
mod chaos;
mod client;
mod command_line;
mod deployment;
mod expiry;
mod housekeeping;
mod isolation;
mod key_command;
mod kill;
mod meaning;
mod moving;
mod nodes;
mod rotation;
mod rotation_under_load;
mod separate;
mod slow_clients;
mod tools;
mod transfer;
mod updates;
mod world;
