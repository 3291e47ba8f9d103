//! `pobatch bench`.
