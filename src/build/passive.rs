//! Nodes of a base's passive tree, for those who look for variations.

/// A node that points can be spent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passive {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What it is; `None`: something newer than this program.
    pub kind: Option<PassiveKind>,
    /// The ascendancy whose points it takes; empty: none.
    pub ascendancy: String,
    /// Whether the base has it.
    pub allocated: bool,
    /// Whether the base lacks it and one point allocates it.
    pub reachable: bool,
}

/// What a passive node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassiveKind {
    /// A small node.
    Normal,
    /// A notable.
    Notable,
    /// A keystone.
    Keystone,
    /// A mastery, which is chosen with an effect.
    Mastery,
    /// A jewel socket.
    Socket,
}

impl PassiveKind {
    /// The kind of that name in the Lua contract.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "normal" => Self::Normal,
            "notable" => Self::Notable,
            "keystone" => Self::Keystone,
            "mastery" => Self::Mastery,
            "socket" => Self::Socket,
            _ => return None,
        })
    }
}
