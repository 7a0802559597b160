//! What the code of a script may hold, and what is refused.

use super::script_code::check;

/// A module whose `forward` does this, one statement a line.
fn module(body: &str) -> String {
    let body = format!("    {}\n", body.replace('\n', "\n    "));
    format!(
        "class Net(Module):\n  fc : __torch__.torch.nn.modules.linear.Linear\n  def forward(self: __torch__.Net,\n    \
         x: Tensor) -> Tensor:\n{body}  def features(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n    return x\n"
    )
}

fn refused(body: &str) -> String {
    check(&module(body)).unwrap_err()
}

#[test]
fn what_networks_are_made_of_passes() {
    for body in [
        "fc = self.fc\nx0 = torch.relu((fc).forward(x, ))\nreturn torch.add(x0, x, alpha=1.5e-05)",
        "_0 = __torch__.torch.nn.functional.elu\nreturn _0(x, 1., False, )",
        "if torch.lt(0.5, 0.):\n  ops.prim.RaiseException(\"a (b) \\\"c\")\nelse:\n  pass\nreturn x",
        "_0 = getattr(self.fc, \"0\")\nreturn (_0).forward1(x, )",
        "x0 = (self).features(x, )\nreturn torch.select(x0[0], -1, int(ops.prim.NumToTensor(3)))",
        "return torch.linear(x, self.fc.weight, self.fc.bias)",
        "return x.mul(CONSTANTS.c0)",
        "for i in range(torch.sub(torch.len(sizes), 2)):\n  pass",
    ] {
        assert_eq!(check(&module(body)), Ok(2), "{body}");
    }
}

#[test]
fn whatever_else_might_be_called_is_refused_by_name() {
    for (body, words) in [
        ("torch.save(x, \"file\")", "it calls torch.save, which"),
        ("torch . save (x, \"file\")", "it calls torch.save, which"),
        ("torch.from_file(\"file\")", "it calls torch.from_file"),
        ("ops.aten.save(x, \"file\")", "it calls ops.aten.save"),
        ("ops.prim.Print(x)", "it calls ops.prim.Print"),
        ("x.save(\"file\")", "it calls x.save"),
        ("(x).save(\"file\")", "it calls .save"),
        ("\"text\".save(\"file\")", "it calls .save"),
        ("1.save(\"file\")", "a number runs into a word"),
        ("(torch.relu(x)).save(\"file\")", "it calls .save"),
        // A module that has no such function of its own would be written.
        ("self.save(\"file\")", "it calls self.save"),
        ("(self).save(\"file\")", "it calls .save"),
        ("(self.fc).features(x)", "it calls .features"),
        ("getattr(self).features(x)", "it calls .features"),
        ("f = torch.save\nf(x, \"file\")", "it calls f"),
        ("f = x.save\nf(\"file\")", "it calls f"),
        ("f = __torch__.g\nf = x.save\nf(\"file\")", "it calls f"),
        ("f = __torch__.g\nf, y = x.save, x\nf(\"file\")", "it calls f"),
        ("f = __torch__.g.h(x)\nf(\"file\")", "it calls f"),
        ("(x.save)(\"file\")", "it calls what it computes"),
        ("getattr(x, \"save\")(\"file\")", "it calls what it computes"),
        ("a[0](x)", "it calls what it computes"),
        ("print(x)", "it calls print"),
        ("fork(x)", "it calls fork"),
        ("__torch__ = x\n__torch__.save(\"file\")", "`__torch__`"),
        ("self = x\nself.features(x)", "`self`"),
        ("self, y = x, x", "`self`"),
        ("(self), y = x, x", "`self`"),
        ("torch = x", "`torch`"),
        ("__torch__.torch.classes.a.B(x)", "it uses a class of __torch__.torch.classes"),
        ("y = __torch__.torch.classes.a", "it uses a class of __torch__.torch.classes"),
        ("self.count = torch.add(self.count, x)", "it sets count"),
        ("while True:\n  pass", "`while`"),
        ("y = [i for i in x]", "`for`"),
        ("for i in range(1000000000):\n  pass", "`for`"),
        ("for i in range(torch.sub(torch.len(sizes), -2)):\n  pass", "`for`"),
        ("y = range(3)", "it calls range"),
        ("with x:\n  pass", "`with`"),
        ("def save(self: __torch__.Net) -> None:\n  pass", "inside a function"),
        ("y = x # torch.save", "the byte 0x23"),
        ("y = x; z = x", "the byte 0x3b"),
        ("y = \"\"\"\"\"\"", "two texts"),
        ("y = x\\", "the byte 0x5c"),
        ("y = (x", "a bracket is not closed"),
        ("y = x)", "a bracket is closed"),
        ("y = \"x", "a text does not end"),
    ] {
        let said = refused(body);
        assert!(said.contains(words), "{body}: {said}");
    }
    let deep = format!("y = {}x{}", "(".repeat(100), ")".repeat(100));
    assert!(refused(&deep).contains("too long"));
    assert!(refused(&format!("y = x{}", " + x".repeat(1_000))).contains("too long"));
    let nested = "class Net(Module):\n   def f(self: __torch__.Net) -> None:\n     pass\n";
    assert!(check(nested).unwrap_err().contains("not indented by 2"));
    assert!(check("x = 1\n").unwrap_err().contains("outside of all functions"));
    let function = "def f(self: __torch__.Net) -> None:\n  self.features(1)\n";
    assert!(check(function).unwrap_err().contains("it calls self.features"));
}
