//! Just enough XML to check figures without a parser of our own to trust.

/// Values of an attribute in all elements of a kind.
pub(crate) fn attributes(svg: &str, element: &str, name: &str) -> Vec<String> {
    let opening = format!("<{element} ");
    let key = format!(" {name}=\"");
    let elements = svg.split(opening.as_str()).skip(1);
    let tags = elements.map(|rest| format!(" {}", &rest[..rest.find('>').unwrap()]));
    tags.filter_map(|tag| {
        let start = tag.find(&key)? + key.len();
        Some(tag[start..start + tag[start..].find('"')?].to_owned())
    })
    .collect()
}

/// Fails unless every tag is closed in order and every attribute and entity is well formed.
pub(crate) fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>'), "stray > before {}", &rest[start..]);
        for entity in rest[..start].split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;", "apos;", "#x27;", "#x2f;"];
            assert!(known.iter().any(|name| entity.starts_with(name)), "bad entity: &{entity}");
        }
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        assert!(tag.matches('"').count().is_multiple_of(2), "unbalanced quotes: {tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "wrong closing tag");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap());
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "never closed: {open:?}");
}
