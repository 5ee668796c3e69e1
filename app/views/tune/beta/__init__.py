"""β, a page: a sweep over β, a dial over every β, and KL weights of other projects."""
