"""Numbers that say how good a model is. Each metric is a function of arrays and knows no model class."""
