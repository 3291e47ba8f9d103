//! `pobatch doctor`.
