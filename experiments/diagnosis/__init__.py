"""Prediction files diagnosed: pass by pass, as frames for pictures, and samples of mistakes."""
