"""The settings of a workspace as its admins see and change them, with the effect of each change told before."""
