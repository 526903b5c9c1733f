//! Data classes: what kind of data each stored or sent field is, and what may cross a region's border.
//!
//! Invariants:
//! - a type declared with [`classified!`] gives every field a class: one without a class does not compile;
//! - an [`Outbound`] message can only be built from a type all of whose fields may cross: anything else does not compile;
//! - no IO, no policy: the gateway decides *whether*, this crate decides *what could ever*.

/// The class of a piece of data. Its home decides who may hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataClass {
    /// Published videos, public profiles, public counts.
    Public,
    /// Accounts, follows, messages: about a person, by a person.
    Personal,
    /// What people did: events, watch time, searches.
    Behaviour,
    /// Computed from behaviour about a person: embeddings, histories.
    Derived,
    Money,
    /// Weights and rows of the model that belong to no person.
    Model,
    /// Decisions and their evidence.
    Audit,
    /// The machine's own bookkeeping: job leases, schema versions, counters of work. Says nothing about a person.
    Operational,
}

impl DataClass {
    /// Whether data of this class may leave its region at all (through the gateway, if policy agrees).
    pub const fn may_cross(self) -> bool {
        matches!(self, Self::Public | Self::Model | Self::Audit)
    }

    /// Its name in documents and in the schema's listing.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Personal => "personal",
            Self::Behaviour => "behaviour",
            Self::Derived => "derived",
            Self::Money => "money",
            Self::Model => "model",
            Self::Audit => "audit",
            Self::Operational => "operational",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Public, Self::Personal, Self::Behaviour, Self::Derived, Self::Money, Self::Model, Self::Audit, Self::Operational]
            .into_iter()
            .find(|class| class.name() == name)
    }
}

/// A type whose fields all have a class. Implemented by [`classified!`] alone.
pub trait Classified {
    /// Field name and class, in the order of declaration.
    const FIELDS: &'static [(&'static str, DataClass)];

    /// True when every field may cross.
    const MAY_CROSS: bool = {
        let mut i = 0;
        let mut all = true;
        while i < Self::FIELDS.len() {
            all = all && Self::FIELDS[i].1.may_cross();
            i += 1;
        }
        all
    };
}

/// A message for another region.
///
/// ```compile_fail
/// residency::classified! { pub struct Watch { pub watch_ms: u32 = Behaviour } }
/// let leak = residency::Outbound::new(Watch { watch_ms: 1 });
/// ```
/// ```
/// residency::classified! { pub struct Counts { pub views: u64 = Public } }
/// let message = residency::Outbound::new(Counts { views: 1 });
/// assert_eq!(message.body().views, 1);
/// ```
pub struct Outbound<T: Classified>(T);

impl<T: Classified> Outbound<T> {
    /// Compiles only for types that may cross.
    pub fn new(body: T) -> Self {
        const { assert!(T::MAY_CROSS, "a field of this type may not leave its region") }
        Self(body)
    }

    pub fn body(&self) -> &T {
        &self.0
    }
}

/// Declares a struct each of whose fields names its data class after `=`.
///
/// ```
/// residency::classified! {
///     /// Somebody watched.
///     #[derive(Debug)]
///     pub struct Watch {
///         /// Milliseconds of picture shown.
///         pub watch_ms: u32 = Behaviour,
///     }
/// }
/// use residency::Classified;
/// assert_eq!(Watch::FIELDS, [("watch_ms", residency::DataClass::Behaviour)]);
/// ```
#[macro_export]
macro_rules! classified {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty = $class:ident),* $(,)?
    }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $type),* }
        impl $crate::Classified for $name {
            const FIELDS: &'static [(&'static str, $crate::DataClass)] =
                &[$((stringify!($field), $crate::DataClass::$class)),*];
        }
    };
}

/// Declares an enum each of whose variants' fields names its data class after `=`; a variant may also hold one classified type.
///
/// ```
/// residency::classified! { pub struct Watch { pub watch_ms: u32 = Behaviour } }
/// residency::classified_enum! {
///     pub enum Event { Watch(Watch), Like { video: u64 = Public }, Erased }
/// }
/// use residency::Classified;
/// assert_eq!(Event::FIELDS, [("Like.video", residency::DataClass::Public)]);
/// assert!(!Event::MAY_CROSS, "a watch may not");
/// ```
/// ```compile_fail
/// residency::classified_enum! { pub enum Event { Like { video: u64 } } }
/// ```
/// ```compile_fail
/// residency::classified_enum! { pub enum Event { Watch(u64) } }
/// ```
#[macro_export]
macro_rules! classified_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident
            $({ $($(#[$field_meta:meta])* $field:ident : $type:ty = $class:ident),* $(,)? })?
            $(($inner:ty))?
        ),* $(,)?
    }) => {
        $(#[$meta])*
        $vis enum $name {
            $($(#[$variant_meta])* $variant $({ $($(#[$field_meta])* $field: $type),* })? $(($inner))?),*
        }
        impl $crate::Classified for $name {
            const FIELDS: &'static [(&'static str, $crate::DataClass)] = &[
                $($($((concat!(stringify!($variant), ".", stringify!($field)), $crate::DataClass::$class),)*)?)*
            ];
            const MAY_CROSS: bool = $(
                $($($crate::DataClass::$class.may_cross() &&)*)?
                $(<$inner as $crate::Classified>::MAY_CROSS &&)?
            )* true;
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_model_and_audit_cross() {
        let crossing: Vec<_> = ["public", "personal", "behaviour", "derived", "money", "model", "audit", "operational"]
            .into_iter()
            .filter_map(DataClass::parse)
            .filter(|class| class.may_cross())
            .collect();
        assert_eq!(crossing, [DataClass::Public, DataClass::Model, DataClass::Audit]);
        assert_eq!(DataClass::parse("other"), None);
    }
}
