"""Alert rules, as their owners list them and the evaluator takes them up."""
