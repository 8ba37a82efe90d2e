"""From a model file to a Bento in the store, in processes of their own: BentoML caches what it imported while building."""
