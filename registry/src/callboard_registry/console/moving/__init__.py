"""Moving a revision through its life from a page: approve, deprecate, retire, revoke, and the ways back."""
