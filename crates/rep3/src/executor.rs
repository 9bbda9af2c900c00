//! Parallel work is handed to an injected executor: this crate starts no threads.

/// A unit of CPU work that borrows from its caller.
pub type Task<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Runs independent tasks, perhaps in parallel, and returns when all are done.
pub trait Executor: Send + Sync {
    /// How many tasks can usefully run at once.
    fn width(&self) -> usize;

    /// Runs every task to its end.
    fn run(&self, tasks: Vec<Task<'_>>);
}

/// The length of the parts into which work of this length is cut: one part for each task that can run at once,
/// but none shorter than `least`, for which a task would not be worth it.
pub(crate) fn part(length: usize, least: usize, executor: &dyn Executor) -> usize {
    length.div_ceil(executor.width().max(1)).max(least).max(1)
}

/// Runs tasks one after another on the calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inline;

impl Executor for Inline {
    fn width(&self) -> usize {
        1
    }

    fn run(&self, tasks: Vec<Task<'_>>) {
        for task in tasks {
            task();
        }
    }
}

/// Runs tasks last to first, cut as if so many could run at once: what comes out must depend on neither.
#[cfg(test)]
pub(crate) struct Backwards(pub usize);

#[cfg(test)]
impl Executor for Backwards {
    fn width(&self) -> usize {
        self.0
    }

    fn run(&self, tasks: Vec<Task<'_>>) {
        for task in tasks.into_iter().rev() {
            task();
        }
    }
}
