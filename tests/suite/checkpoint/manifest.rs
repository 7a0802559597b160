//! Are the versions that a manifest names those of the libraries?

use hyperl::checkpoint::manifest::Versions;

#[test]
fn versions_are_those_of_the_libraries() {
    let Versions { libtorch, mujoco, .. } = Versions::current();
    // What the bindings of this crate were made for.
    assert!(libtorch.starts_with("2.13."), "{libtorch}");
    assert!(mujoco.starts_with("3.17."), "{mujoco}");
}
