"""Pictures of entries: which ones, made small, and as files that pages show.

picture_markup   the pictures in a sanitised text                           pure
picture_choice   which pictures an entry has, and which of them may lead    pure
picture_sizes    how large pictures are made for posts and for lists        pure
picture_files    two files for each picture, named by their content
raster           bytes from the network -> WebP; the task of a worker       Pillow

`raster` is imported where pictures are on, and nowhere else: Pillow takes memory.
"""
