//! When does an action leave room?

use hyperl::gradient::differences::leaves_room;

#[test]
fn an_action_leaves_room_if_no_coordinate_is_pulled() {
    assert!(leaves_room(&[0.9, -0.9, 0.0]));
    assert!(!leaves_room(&[0.0, -0.91]) && !leaves_room(&[1.0]));
}
