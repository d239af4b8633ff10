//! Single partitions that the loop has paused, and what it wants of them next.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// What the loop wants of some partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Pause(Vec<i32>),
    /// With the offsets to go on at.
    Resume(Vec<(i32, i64)>),
}

/// Orders of the loop, for the polling thread to carry out, and the partitions that are paused by them.
#[derive(Debug, Default)]
pub(super) struct Paused {
    state: Mutex<State>,
    is_due: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    orders: VecDeque<Order>,
    partitions: BTreeSet<i32>,
}

impl Paused {
    pub(super) fn order(&self, order: Order) {
        self.state().orders.push_back(order);
        self.is_due.store(true, Ordering::Release);
    }

    /// Whether there are orders; asked for each record, so it takes no lock.
    pub(super) fn is_due(&self) -> bool {
        self.is_due.load(Ordering::Acquire)
    }

    /// The next order. Only for partitions that are not paused yet, or that are, so that none is carried out twice.
    pub(super) fn next(&self) -> Option<Order> {
        let mut state = self.state();
        let State { orders, partitions } = &mut *state;
        let order = orders.pop_front().map(|order| match order {
            Order::Pause(wanted) => {
                Order::Pause(wanted.into_iter().filter(|partition| partitions.insert(*partition)).collect())
            }
            Order::Resume(wanted) => {
                let wanted = wanted.into_iter();
                Order::Resume(wanted.filter(|(partition, _)| partitions.remove(partition)).collect())
            }
        });
        self.is_due.store(!orders.is_empty(), Ordering::Release);
        order
    }

    pub(super) fn contains(&self, partition: i32) -> bool {
        self.state().partitions.contains(&partition)
    }

    /// Forgets partitions that are taken away, and orders that meant them.
    pub(super) fn forget(&self, partitions: &[i32]) {
        let mut state = self.state();
        state.partitions.retain(|partition| !partitions.contains(partition));
        for order in &mut state.orders {
            match order {
                Order::Pause(wanted) => wanted.retain(|partition| !partitions.contains(partition)),
                Order::Resume(wanted) => wanted.retain(|(partition, _)| !partitions.contains(partition)),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_carried_out_once_and_in_order() {
        let paused = Paused::default();
        assert!(!paused.is_due());
        paused.order(Order::Pause(vec![1, 2]));
        paused.order(Order::Pause(vec![2, 3]));
        paused.order(Order::Resume(vec![(1, 7), (4, 8)]));
        assert_eq!(paused.next(), Some(Order::Pause(vec![1, 2])));
        assert_eq!(paused.next(), Some(Order::Pause(vec![3])));
        assert!(paused.is_due() && paused.contains(1));
        assert_eq!(paused.next(), Some(Order::Resume(vec![(1, 7)])));
        assert!(!paused.is_due() && !paused.contains(1) && paused.contains(3));
        assert_eq!(paused.next(), None);
    }

    #[test]
    fn partitions_that_are_taken_away_are_paused_no_more() {
        let paused = Paused::default();
        paused.order(Order::Pause(vec![1, 2]));
        assert_eq!(paused.next(), Some(Order::Pause(vec![1, 2])));
        paused.order(Order::Resume(vec![(1, 7), (2, 8)]));
        paused.order(Order::Pause(vec![1]));
        paused.forget(&[1]);
        assert!(!paused.contains(1));
        assert_eq!(paused.next(), Some(Order::Resume(vec![(2, 8)])));
        assert_eq!(paused.next(), Some(Order::Pause(vec![])));
    }
}
