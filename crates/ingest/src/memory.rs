//! One memory budget over all data sources.
//!
//! Every data source has an equal share, so that one whose destination is down cannot starve the others.
//! Taking a charge never fails, it only makes the account exhausted; a source asks before it reads on.
//! The bound is therefore overshot by at most one record batch a data source.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The part of the budget one data source may use.
#[derive(Clone, Debug)]
pub struct Account {
    share: usize,
    used: Arc<AtomicUsize>,
}

/// Bytes held until dropped.
#[derive(Debug)]
pub struct Charge {
    account: Account,
    bytes: usize,
}

impl Account {
    /// An account of `budget / accounts` bytes.
    pub fn share_of(budget: usize, accounts: usize) -> Self {
        Self { share: budget / accounts.max(1), used: Arc::default() }
    }

    /// Takes `bytes`, even beyond the share.
    pub fn charge(&self, bytes: usize) -> Charge {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Charge { account: self.clone(), bytes }
    }

    /// Whether nothing more should be read for now.
    pub fn exhausted(&self) -> bool {
        self.used() >= self.share
    }

    /// Bytes held now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes this account may hold.
    pub fn share(&self) -> usize {
        self.share
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_given_back_when_dropped() {
        let account = Account::share_of(100, 2);
        let first = account.charge(30);
        let second = account.charge(30);
        assert_eq!(account.used(), 60);
        assert!(account.exhausted());
        drop(first);
        assert!(!account.exhausted());
        drop(second);
        assert_eq!(account.used(), 0);
    }
}
