//! Passive trees.

use crate::{
    build::passive::{MasteryEffect, Passive, PassiveKind, Points},
    proto::v1,
};

/// The message of a passive node.
#[must_use]
pub fn passive_to_proto(passive: &Passive) -> v1::Passive {
    let effect = |effect: &MasteryEffect| v1::MasteryEffect {
        id: effect.id,
        stats: effect.stats.clone(),
        chosen: effect.chosen,
    };
    v1::Passive {
        id: passive.id,
        name: passive.name.clone(),
        kind: kind_to_proto(passive.kind).into(),
        ascendancy: passive.ascendancy.clone(),
        allocated: passive.allocated,
        reachable: passive.reachable,
        removable: passive.removable,
        distance: passive.distance,
        toward: passive.toward,
        stats: passive.stats.clone(),
        links: passive.links.clone(),
        x: passive.x,
        y: passive.y,
        effects: passive.effects.iter().map(effect).collect(),
        root: passive.root,
    }
}

/// The passive node of a message, for clients.
#[must_use]
pub fn passive_from_proto(message: v1::Passive) -> Passive {
    let effect =
        |effect: v1::MasteryEffect| MasteryEffect { id: effect.id, stats: effect.stats, chosen: effect.chosen };
    Passive {
        id: message.id,
        kind: kind_from_proto(message.kind()),
        name: message.name,
        ascendancy: message.ascendancy,
        allocated: message.allocated,
        reachable: message.reachable,
        removable: message.removable,
        distance: message.distance,
        toward: message.toward,
        stats: message.stats,
        links: message.links,
        x: message.x,
        y: message.y,
        effects: message.effects.into_iter().map(effect).collect(),
        root: message.root,
    }
}

/// The message of points.
#[must_use]
pub const fn points_to_proto(points: Points) -> v1::PassivePoints {
    let Points { used, available, ascendancy_used, ascendancy_available } = points;
    v1::PassivePoints { used, available, ascendancy_used, ascendancy_available }
}

/// The points of a message, for clients.
#[must_use]
pub const fn points_from_proto(message: v1::PassivePoints) -> Points {
    let v1::PassivePoints { used, available, ascendancy_used, ascendancy_available } = message;
    Points { used, available, ascendancy_used, ascendancy_available }
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
                reachable: true,
                distance: Some(1),
                toward: Some(6),
                stats: vec!["+1 to Life".into()],
                links: vec![6, 8],
                x: 1.5,
                y: -2.0,
                effects: vec![MasteryEffect { id: 1, stats: vec!["more".into()], chosen: true }],
                root: true,
                ..Passive::default()
            };
            assert_eq!(passive_from_proto(passive_to_proto(&passive)), passive, "{name}");
        }
        let points = Points { used: 1, available: 2, ascendancy_used: 3, ascendancy_available: 4 };
        assert_eq!(points_from_proto(points_to_proto(points)), points);
    }

    #[test]
    fn what_an_engine_leaves_out_of_a_node_is_absent() {
        let passive: Passive = serde_json::from_str(r#"{"id":7,"kind":"newer","name":"N"}"#).unwrap();
        assert_eq!(passive, Passive { id: 7, name: "N".into(), ..Passive::default() });
    }
}
