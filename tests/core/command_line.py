"""What the tests of the command line share: settings that train in a blink, and how a complaint looks."""

TINY = [
    "--dataset", "tiny", "--model", "mlp", "--hidden", "12", "--latent-dim", "3", "--epochs", "2",
    "--likelihood", "bernoulli", "--augment", "none", "--batch-size", "16", "--precision", "float32", "--device", "cpu", "--threads", "1",
]  # fmt: skip


def complains(result, code, *says):
    """One plain sentence on stderr, and nothing else."""
    found, out, err = result
    assert (found, out) == (code, "")
    assert err.startswith("vae-core: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    for word in says:
        assert word in err
