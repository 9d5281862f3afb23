"""The second job: faces from a pretrained pixel U-Net, exactly, and what lies between two noises."""
