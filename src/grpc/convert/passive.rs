//! Passive nodes.

use crate::{
    build::passive::{Passive, PassiveKind},
    proto::v1,
};

/// The message of a passive node.
#[must_use]
pub fn passive_to_proto(passive: &Passive) -> v1::Passive {
    v1::Passive {
        id: passive.id,
        name: passive.name.clone(),
        kind: kind_to_proto(passive.kind).into(),
        ascendancy: passive.ascendancy.clone(),
        allocated: passive.allocated,
        reachable: passive.reachable,
    }
}

/// The passive node of a message, for clients.
#[must_use]
pub fn passive_from_proto(message: v1::Passive) -> Passive {
    Passive {
        id: message.id,
        kind: kind_from_proto(message.kind()),
        name: message.name,
        ascendancy: message.ascendancy,
        allocated: message.allocated,
        reachable: message.reachable,
    }
}

fn kind_to_proto(kind: Option<PassiveKind>) -> v1::PassiveKind {
    match kind {
        None => v1::PassiveKind::Unspecified,
        Some(PassiveKind::Normal) => v1::PassiveKind::Normal,
        Some(PassiveKind::Notable) => v1::PassiveKind::Notable,
        Some(PassiveKind::Keystone) => v1::PassiveKind::Keystone,
        Some(PassiveKind::Mastery) => v1::PassiveKind::Mastery,
        Some(PassiveKind::Socket) => v1::PassiveKind::Socket,
    }
}

fn kind_from_proto(kind: v1::PassiveKind) -> Option<PassiveKind> {
    match kind {
        v1::PassiveKind::Unspecified => None,
        v1::PassiveKind::Normal => Some(PassiveKind::Normal),
        v1::PassiveKind::Notable => Some(PassiveKind::Notable),
        v1::PassiveKind::Keystone => Some(PassiveKind::Keystone),
        v1::PassiveKind::Mastery => Some(PassiveKind::Mastery),
        v1::PassiveKind::Socket => Some(PassiveKind::Socket),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_node_survives_the_wire() {
        for name in ["normal", "notable", "keystone", "mastery", "socket", "newer"] {
            let passive = Passive {
                id: 7,
                name: "N".into(),
                kind: PassiveKind::from_name(name),
                ascendancy: "A".into(),
                allocated: false,
                reachable: true,
            };
            assert_eq!(passive_from_proto(passive_to_proto(&passive)), passive, "{name}");
        }
    }
}
