//! The pages of people, as rules. What needs an application to ask (consent)
//! or many attempts (guessing) is in the suite.

mod account;
mod activity;
mod admin;
mod browser;
mod connect;
mod everywhere;
mod log_in;
mod sign_up;
