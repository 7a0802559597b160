//! Values that share what their cluster drew, such as states of one episode.

/// Returns the values of each cluster, in the order of each cluster's first value; a value without a key
/// is a cluster of its own.
///
/// # Examples
/// ```
/// use hyperl::stats::clusters::clusters;
/// let found = clusters([("a", Some(7)), ("b", None), ("c", Some(7)), ("d", None)]);
/// assert_eq!(found, [vec!["a", "c"], vec!["b"], vec!["d"]]);
/// ```
pub fn clusters<T, K: PartialEq>(values: impl IntoIterator<Item = (T, Option<K>)>) -> Vec<Vec<T>> {
    let mut found: Vec<(Option<K>, Vec<T>)> = Vec::new();
    for (value, key) in values {
        match found.iter_mut().find(|(known, _)| key.is_some() && *known == key) {
            Some((_, cluster)) => cluster.push(value),
            None => found.push((key, vec![value])),
        }
    }
    found.into_iter().map(|(_, cluster)| cluster).collect()
}
